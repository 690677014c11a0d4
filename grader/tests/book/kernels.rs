//! The page of kernels has the table that `doctor` goes by. `UPDATE=1` writes it.

use crate::pages::book;
use grader::doctor::features::{ALL, Feature};
use std::fs;

/// The line below the table's head.
const BEGIN: &str = "|---|---|---|---|---|\n";

fn row(feature: &Feature) -> String {
    let since = feature.since.map_or("-".into(), |(major, minor)| format!("{major}.{minor}"));
    let in_a_lab = feature.in_a_lab.unwrap_or("-");
    format!("| {} | {since} | {} | {in_a_lab} | {} |\n", feature.name, feature.used_for, feature.without)
}

#[test]
fn the_table_of_features_is_the_one_behind_doctor() {
    let path = book().join("kernels.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table");
    let rows: usize = rest.split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let (shown, after) = rest.split_at(rows);
    let expected: String = ALL.iter().map(row).collect();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, expected, "UPDATE=1 cargo test -p grader --test book kernels writes it");
}

#[test]
fn the_table_is_in_the_order_of_kernels_and_names_each_feature_once() {
    let versions: Vec<_> = ALL.iter().filter_map(|feature| feature.since).collect();
    assert!(versions.is_sorted(), "{versions:?}");
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|feature| feature.name).collect();
    assert_eq!(names.len(), ALL.len());
}
