//! The published schema says what the report's types say: a word or a key that is in one of them only is found
//! here, without a validator.

use clap::ValueEnum;
use grader::judge::prerequisites::wait_for;
use grader::judge::verdict::Outcome;
use grader::report::{Cause, CheckKind, DecoyKind, FixFirst, Report, SCHEMA, TargetKind, TargetReport};
use grader::target::What;
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TEXT: &str = include_str!("../../schema/report-v1.schema.json");

fn schema() -> Value {
    serde_json::from_str(TEXT).expect("the schema is JSON")
}

/// Every verdict there is. A new one does not compile here.
fn verdicts() -> Vec<Outcome> {
    use Outcome::{Blocked, Escaped, Fails, Inconclusive, Works};
    let why = String::new;
    let all = [
        Escaped(why()),
        Blocked(why()),
        Works,
        Fails(why()),
        Inconclusive(Cause::Machine, why()),
        Inconclusive(Cause::Target, why()),
        Inconclusive(Cause::Waiting, why()),
    ];
    for verdict in &all {
        match verdict {
            Escaped(_) | Blocked(_) | Works | Fails(_) => {}
            Inconclusive(Cause::Machine | Cause::Target | Cause::Waiting, _) => {}
        }
    }
    all.into()
}

fn targets() -> [What; 3] {
    let all = [What::Bare, What::Lab(0), What::Program];
    for what in all {
        match what {
            What::Bare | What::Lab(_) | What::Program => {}
        }
    }
    all
}

fn sample() -> Report {
    let checks = verdicts().iter().map(|verdict| verdict.check("reboot", CheckKind::Attempt, None)).collect();
    Report {
        schema: SCHEMA.into(),
        decoy: DecoyKind::Root,
        kernel: "6.18.0".into(),
        rootfs: "embedded".into(),
        targets: vec![TargetReport {
            reached: Some(0),
            fix_first: Some(FixFirst { id: "reboot".into(), why: String::new(), steps: vec![] }),
            checks,
            ..TargetReport::new("lab0-chroot", "lab0-chroot", TargetKind::Lab)
        }],
    }
}

fn words(list: &Value) -> BTreeSet<String> {
    let words = list.as_array().expect("an array").iter();
    words.map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect()
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

#[rstest]
#[case::report("", "")]
#[case::target("/$defs/target", "/targets/0")]
#[case::fix_first("/$defs/fix_first", "/targets/0/fix_first")]
#[case::check("/$defs/check", "/targets/0/checks/0")]
fn the_schema_asks_for_the_keys_that_are_written(#[case] defined: &str, #[case] written: &str) {
    let schema = schema();
    let defined = schema.pointer(defined).unwrap();
    let report = serde_json::to_value(sample()).unwrap();
    let written = keys(report.pointer(written).unwrap());
    assert_eq!(words(&defined["required"]), written);
    assert_eq!(keys(&defined["properties"]), written);
    assert_eq!(defined["additionalProperties"], json!(false));
}

/// The words that the types write, at each place where the schema lists words.
fn written() -> [(&'static str, Vec<Value>); 5] {
    let checks: Vec<Value> =
        serde_json::to_value(sample()).unwrap()["targets"][0]["checks"].as_array().unwrap().clone();
    let of = |key: &str| checks.iter().map(|check| check[key].clone()).collect();
    [
        ("/properties/decoy/enum", DecoyKind::value_variants().iter().map(|it| json!(it)).collect()),
        ("/$defs/target/properties/kind/enum", targets().iter().map(|it| json!(it.kind())).collect()),
        (
            "/$defs/check/properties/kind/enum",
            [CheckKind::Attempt, CheckKind::Works].map(|it| json!(it)).into(),
        ),
        ("/$defs/check/properties/verdict/enum", of("verdict")),
        ("/$defs/check/properties/cause/enum", of("cause")),
    ]
}

#[test]
fn the_schema_lists_the_words_that_are_written() {
    let schema = schema();
    assert_eq!(schema["properties"]["schema"]["const"], json!(SCHEMA));
    for (place, written) in written() {
        assert_eq!(words(schema.pointer(place).unwrap()), words(&json!(written)), "{place}");
    }
}

/// What the conditions of a check say is about words that there are, and splits them as the types do.
#[test]
fn the_conditions_fit_the_words() {
    let schema = schema();
    let check = &schema["$defs"]["check"];
    let known = words(&check["properties"]["verdict"]["enum"]);
    let mut told = BTreeSet::new();
    for at in [2, 3] {
        let condition = &check["allOf"][at];
        let verdicts = words(&condition["then"]["properties"]["verdict"]["enum"]);
        let mut expected = words(&condition["then"]["properties"]["expected"]["enum"]);
        expected.remove("null");
        assert!(expected.is_subset(&verdicts), "{expected:?} {verdicts:?}");
        told.extend(verdicts);
    }
    assert_eq!(told, known);
    let inconclusive = &check["allOf"][0]["if"]["properties"]["verdict"]["const"];
    let waiting = &check["allOf"][1]["if"]["properties"]["cause"]["const"];
    for verdict in verdicts() {
        let mut check = verdict.check("reboot", CheckKind::Attempt, None);
        if check.waits() {
            wait_for(&mut check, vec!["starts".into()]);
        }
        let written = serde_json::to_value(check).unwrap();
        assert_eq!(&written["verdict"] == inconclusive, !written["cause"].is_null(), "{verdict:?}");
        assert_eq!(&written["cause"] == waiting, written["waiting_for"] != json!([]), "{verdict:?}");
    }
}
