//! Instance classes: which are retired, and what took their place.

/// What a database runs on when the file names nothing.
pub const DEFAULT: &str = "db.t4g.micro";

/// Families that RDS does not sell any more and the family of today that comes closest.
/// From "DB instance classes" in the Amazon RDS User Guide.
const FAMILIES: [(&str, &str); 9] = [
    ("t1", "t3"),
    ("t2", "t3"),
    ("m1", "m5"),
    ("m2", "r5"),
    ("m3", "m5"),
    ("m4", "m5"),
    ("r3", "r5"),
    ("r4", "r5"),
    ("cr1", "r5"),
];

/// Sizes of the old families that their successors do not have, with the class that replaces them.
const SIZES: [(&str, &str); 6] = [
    ("db.m1.small", "db.t3.small"),
    ("db.m1.medium", "db.t3.medium"),
    ("db.m3.medium", "db.t3.medium"),
    ("db.m2.xlarge", "db.r5.large"),
    ("db.m2.2xlarge", "db.r5.2xlarge"),
    ("db.cr1.8xlarge", "db.r5.8xlarge"),
];

/// The class to use instead of a retired one; none for a class that is not.
pub fn successor(class: &str) -> Option<String> {
    if let Some((_, current)) = SIZES.iter().find(|(retired, _)| *retired == class) {
        return Some((*current).to_owned());
    }
    let (family, size) = class.strip_prefix("db.")?.split_once('.')?;
    let (_, current) = FAMILIES.iter().find(|(retired, _)| *retired == family)?;
    Some(format!("db.{current}.{size}"))
}

/// The class that a configuration means.
pub fn current(flavor: Option<&str>) -> String {
    let class = flavor.unwrap_or(DEFAULT);
    successor(class).unwrap_or_else(|| class.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retired_class_is_replaced_by_one_that_is_sold_today() {
        for (retired, replacement) in [
            ("db.t1.micro", "db.t3.micro"),
            ("db.m1.medium", "db.t3.medium"),
            ("db.m1.large", "db.m5.large"),
            ("db.m2.4xlarge", "db.r5.4xlarge"),
            ("db.t2.micro", "db.t3.micro"),
            ("db.m4.xlarge", "db.m5.xlarge"),
            ("db.r3.8xlarge", "db.r5.8xlarge"),
        ] {
            assert_eq!(successor(retired).as_deref(), Some(replacement));
        }
        for sold in ["db.t4g.micro", "db.t3.medium", "db.r6g.large", "micro", ""] {
            assert_eq!(successor(sold), None, "{sold}");
        }
        assert_eq!(current(None), DEFAULT);
        assert_eq!(current(Some("db.m1.medium")), "db.t3.medium");
    }
}
