//! What a value's writer can rely on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

fn offer(name: &str, kind: &str, outputs: &[&str]) -> Offer {
    let outputs =
        outputs.iter().map(|name| OfferedOutput { name: (*name).into(), secret: name.contains("Password") }).collect();
    Offer { name: name.parse().unwrap(), kind: kind.into(), outputs }
}

fn output(resource: &str, output: &str) -> Segment {
    Segment::Output { resource: resource.parse().unwrap(), output: output.into(), secret: output.contains("Password") }
}

fn literal(text: &str) -> Segment {
    Segment::Literal(text.into())
}

fn mistakes(text: &str, offers: &[Offer]) -> String {
    let line =
        |fault: Fault| format!("[{}] {} ({})", &text[fault.range], fault.message, fault.help.unwrap_or_default());
    resolve(text, offers).unwrap_err().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_originals_variables_resolve() {
    let offers = [
        offer("rds", "rds", &["Address", "DBName"]),
        offer("mysql", "mysql", &["Password", "Root_Password", "DBHOST"]),
    ];
    assert_eq!(resolve("$CLOUDARK_RDS_Address", &offers).unwrap(), [output("rds", "Address")]);
    assert_eq!(resolve("$CLOUDARK_MYSQL_Root_Password", &offers).unwrap(), [output("mysql", "Root_Password")]);
    let url = resolve("mysql://$CLOUDARK_RDS_Address:3306/${rds.DBName}?$x=$", &offers).unwrap();
    let wanted =
        [literal("mysql://"), output("rds", "Address"), literal(":3306/"), output("rds", "DBName"), literal("?$x=$")];
    assert_eq!(url, wanted);
}

#[test]
fn the_longest_kind_or_name_counts() {
    let offers = [offer("db", "rds", &["main_Url", "Url"]), offer("db-main", "rds", &["Url"])];
    assert_eq!(resolve("$CLOUDARK_DB_MAIN_Url", &offers).unwrap(), [output("db-main", "Url")]);
    assert_eq!(resolve("$CLOUDARK_DB_Url", &offers).unwrap(), [output("db", "Url")]);
    assert_eq!(resolve("$CLOUDARK_DB_main_Url", &offers).unwrap(), [output("db", "main_Url")]);
}

#[test]
fn an_ambiguous_variable_lists_what_to_write() {
    let offers = [offer("main", "rds", &["Address"]), offer("replica", "rds", &["Address"])];
    insta::assert_snapshot!(mistakes("$CLOUDARK_RDS_Address", &offers), @r#"[$CLOUDARK_RDS_Address] `$CLOUDARK_RDS_Address` can mean 2 resources (write `${main.Address}` or `${replica.Address}`)"#);
}

#[test]
fn undefined_references_name_the_defined_ones() {
    let offers = [offer("db", "rds", &["Address", "Port"])];
    let all = [
        "$CLOUDARK_RDS_Adress",
        "$CLOUDARK_REDIS_Url",
        "$CLOUDARK_",
        "${dv.Address}",
        "${db.Name}",
        "${db.Address",
        "${HOME}",
        "${secret.}",
        "${other.X}",
    ];
    insta::assert_snapshot!(all.map(|text| mistakes(text, &offers)).join("\n"), @r#"
    [$CLOUDARK_RDS_Adress] `db` has no output `Adress` (did you mean `Address`? it has `Address` and `Port`)
    [$CLOUDARK_REDIS_Url] `$CLOUDARK_REDIS_Url` is not defined (defined are `$CLOUDARK_DB_Address` and `$CLOUDARK_DB_Port`)
    [$CLOUDARK_] `$CLOUDARK_` is not defined (defined are `$CLOUDARK_DB_Address` and `$CLOUDARK_DB_Port`)
    [${dv.Address}] the environment has no resource `dv` (it has `db`)
    [${db.Name}] `db` has no output `Name` (it has `Address` and `Port`)
    [${] `${` without its `}` (write `$${` for the two characters themselves)
    [${HOME}] `${HOME}` refers to nothing (`${NAME.Output}` and `${secret.NAME}` are references; write `$${HOME}` for the text itself)
    [${secret.}] `${secret.}` names no secret: a name cannot be empty (`${NAME.Output}` and `${secret.NAME}` are references; write `$${secret.}` for the text itself)
    [${other.X}] the environment has no resource `other` (it has `db`)
    "#);
    insta::assert_snapshot!(mistakes("a ${x.Y} $CLOUDARK_A_B", &[]), @r#"
    [${x.Y}] the environment has no resource `x` (the environment has no resources)
    [$CLOUDARK_A_B] `$CLOUDARK_A_B` is not defined (the environment offers nothing to refer to)
    "#);
}

#[test]
fn a_secret_stays_one_and_a_mixture_is_composed() {
    let offers = [offer("db", "rds", &["Password", "Address"])];
    let of = |text| sensitivity(&resolve(text, &offers).unwrap());
    assert_eq!(of("${secret.token}"), Sensitivity::Secret);
    assert_eq!(of("$CLOUDARK_RDS_Password"), Sensitivity::Secret);
    assert_eq!(of("Bearer ${secret.token}"), Sensitivity::Composed);
    assert_eq!(of("${db.Address}:3306"), Sensitivity::Plain);
    assert_eq!(of(""), Sensitivity::Plain);
    assert_eq!(secrets_in("${secret.a} ${secret.b} $$ ${secret.a}").len(), 2);
}

#[test]
fn an_escaped_dollar_is_a_dollar() {
    assert_eq!(
        resolve("$$CLOUDARK_RDS_Address $${HOME} $$$$", &[]).unwrap(),
        [literal("$CLOUDARK_RDS_Address ${HOME} $$")]
    );
}

#[test]
fn a_hostile_value_costs_little() {
    let unclosed = "${".repeat(60_000);
    assert_eq!(resolve(&unclosed, &[]).unwrap_err().len(), MAX_FAULTS);
    let undefined = "$CLOUDARK_X_Y ".repeat(9_000);
    assert_eq!(resolve(&undefined, &[]).unwrap_err().len(), MAX_FAULTS);
}

proptest! {
    #[test]
    fn any_value_is_read_without_a_panic_and_faults_lie_inside(text in "(\\$|\\$\\{|\\}|secret\\.|db\\.|CLOUDARK_|RDS_|Address|[a-zé. _$])*") {
        let offers = [offer("db", "rds", &["Address"])];
        if let Err(faults) = resolve(&text, &offers) {
            prop_assert!(faults.iter().all(|fault| text.get(fault.range.clone()).is_some_and(|at| at.starts_with('$'))));
        }
    }

    #[test]
    fn an_escaped_text_is_itself(text in "[$a{}. A-Z_é]*|\\PC*") {
        let segments = resolve(&escape(&text), &[offer("db", "rds", &["Address"])]).unwrap();
        prop_assert_eq!(segments, [Segment::Literal(text)]);
    }

    #[test]
    fn a_text_without_dollars_is_itself(text in "[^$]*") {
        prop_assert_eq!(resolve(&text, &[]).unwrap(), [Segment::Literal(text)]);
    }
}
