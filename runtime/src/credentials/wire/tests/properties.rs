//! What holds for whatever is sent.

use super::*;

proptest! {
    /// Whatever form is posted: a delete passes only if the one field that names its target names ours.
    #[test]
    fn no_form_deletes_what_is_not_ours(
        fields in proptest::collection::vec((
            "(Action|action|Action[.]1|DBInstanceIdentifier|dbinstanceidentifier|DBInstanceIdentifier[.]1|%44BInstanceIdentifier|X|Version)",
            "(DeleteDBInstance|DescribeDBInstances|env-db|production|env%2Ddb|env-db%00|)",
        ), 0..5),
        joint in "(&|&|&|;|&&)",
        query in "([?]Action=DeleteDBInstance|)",
    ) {
        let body = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(&joint);
        let mut request = Request { body, ..delete_db("") };
        request.url.push_str(&query);
        if let Ok(permit) = request.check() && permit.effect != Effect::Read {
            let count = |wanted: &str| fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).count();
            prop_assert_eq!((count("Action"), count("DBInstanceIdentifier"), fields.len() <= 4), (1, 1, true));
            let target = fields.iter().find(|(name, _)| name == "DBInstanceIdentifier").unwrap();
            prop_assert!(["env-db", "env%2Ddb"].contains(&target.1.as_str()));
            prop_assert!(query.is_empty() && !fields.iter().any(|(name, _)| name.contains('%') || name.contains('[')));
        }
    }

    #[test]
    fn no_bytes_crash_the_protocols(body in "\\PC{0,60}", kind in "(application/x-www-form-urlencoded|application/x-amz-json-1.1|\\PC{0,8})", target in "\\PC{0,20}", service in "(rds|ecs)") {
        let request = Request {
            headers: vec![header("Content-Type", &kind), header("X-Amz-Target", &target)],
            body: body.clone(), signer: signer(&service),
            url: format!("https://{service}.eu-west-1.amazonaws.com/"), ..delete_db("")
        };
        let _ = request.check();
        for permit in [create_db(&[]).check().unwrap(), json("ecr", "A.GetAuthorizationToken", &json!({})).check().unwrap()] {
            classify(&permit, 400, &[], body.as_bytes());
            shown(&permit, &request.call(), 200, body.as_bytes(), &World::default().0);
            apply_captures(&permit, body.as_bytes(), |_| String::new());
        }
    }
}
