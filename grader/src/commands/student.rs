//! A student's workspace, for the commands that are run in one.

use crate::labs::Workspace;
use crate::labs::steps::{Source, Step};
use crate::report::Report;
use crate::student::lab_progress::LabProgress;
use crate::student::progress_file::{FILE, ProgressFile};
use crate::student::starter;
use crate::student::summary::Position;
use crate::text;
use anyhow::Result;
use std::path::PathBuf;

/// The workspace of the current directory, where that is a student's.
pub struct Student {
    root: PathBuf,
}

impl Student {
    /// Looks for it.
    pub fn find() -> Option<Student> {
        let root = Workspace::find()?.root().to_owned();
        starter::is_students(&root).then_some(Student { root })
    }

    /// Where the student stands by this report; it is noted in the workspace. That this can't be done is said on
    /// standard error, and no more: the report is as true without it.
    ///
    /// # Errors
    /// The steps that this grader carries can't be read.
    pub fn record<'a>(&self, report: &'a Report) -> Result<Position<'a>> {
        let reference: Vec<Step> = Workspace::sources().steps()?;
        // Where the student has a file that is no text, the checks alone decide.
        let source = Source::read(&self.root).unwrap_or_default();
        let labs: Vec<_> = report
            .targets
            .iter()
            .map(|target| {
                (LabProgress::of(&target.name, &reference, &source, Some((target, report.decoy))), target)
            })
            .collect();
        let mut file = match ProgressFile::read(&self.root) {
            Ok((progress, None)) => progress,
            Ok((progress, Some(aside))) => {
                text::say(&text::line(&format!(
                    "grader: {FILE} can't be read ({}): it is kept as {}, and begun anew",
                    aside.why,
                    aside.path.file_name().unwrap_or_default().display()
                )));
                progress
            }
            Err(error) => {
                text::say(&text::line(&format!("grader: {error:#}")));
                ProgressFile::default()
            }
        };
        let first = file.runs() == 0;
        let news = labs.iter().map(|(progress, target)| file.record(progress, target)).collect();
        file.count_run();
        if let Err(error) = file.write(&self.root) {
            text::say(&text::line(&format!("grader: what you have reached could not be noted: {error:#}")));
        }
        Ok(Position { labs, news, first })
    }
}
