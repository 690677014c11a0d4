//! The student's workspace, for the commands that run in one.

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

/// The student's workspace at the current directory.
pub struct Student {
    root: PathBuf,
}

impl Student {
    /// Finds it.
    pub fn find() -> Option<Student> {
        let root = Workspace::find()?.root().to_owned();
        starter::is_students(&root).then_some(Student { root })
    }

    /// Computes the student's progress from this report and saves it in the workspace. A failure to save is reported on
    /// standard error and nothing more: the report is still correct.
    ///
    /// # Errors
    /// The steps that this grader carries can't be read.
    pub fn record<'a>(&self, report: &'a Report) -> Result<Position<'a>> {
        let reference: Vec<Step> = Workspace::sources().steps()?;
        // Where it can't be read, the checks alone decide.
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
                    "grader: {FILE} can't be read ({}): it is kept as {}, and a new one is started",
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
            text::say(&text::line(&format!("grader: your progress could not be saved: {error:#}")));
        }
        Ok(Position { labs, news, first })
    }
}
