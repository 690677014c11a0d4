//! Records in a student's workspace: the verdicts of each grading, and the hints shown.

use crate::labs::Workspace;
use crate::labs::steps::StepId;
use crate::report::TargetReport;
use crate::student::lab_progress::LabProgress;
use crate::student::progress_file::{FILE, ProgressFile};
use crate::student::starter;
use anyhow::Result;
use std::path::PathBuf;

/// The records of one workspace. In a workspace that is not a student's nothing is recorded.
pub struct Notes {
    root: Option<PathBuf>,
}

impl Notes {
    /// Those of this workspace.
    pub fn of(workspace: &Workspace) -> Notes {
        let root = workspace.root();
        Notes { root: starter::is_students(root).then(|| root.to_owned()) }
    }

    /// How many hints for a step were shown, in this watch or an earlier one.
    pub fn hints(&self, step: &StepId) -> usize {
        let Some(root) = &self.root else { return 0 };
        ProgressFile::read(root).map_or(0, |(progress, _)| progress.hints(&step.lab, &step.name))
    }

    /// Records the number of hints shown. Returns a note where that fails.
    pub fn hint(&self, step: &StepId, number: usize) -> Option<String> {
        self.change(|progress| progress.show_hints(&step.lab, &step.name, number))
    }

    /// Records the verdicts of a lab. Returns a note where that fails.
    pub fn graded(&self, progress: &LabProgress, report: &TargetReport) -> Option<String> {
        self.change(|file| {
            file.record(progress, report);
            file.count_run();
        })
    }

    /// Changes the file's current content: another grader may have written it meanwhile.
    fn change(&self, change: impl FnOnce(&mut ProgressFile)) -> Option<String> {
        let root = self.root.as_ref()?;
        let write = || -> Result<Option<String>> {
            let (mut progress, aside) = ProgressFile::read(root)?;
            change(&mut progress);
            progress.write(root)?;
            Ok(aside.map(|aside| {
                let name = aside.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!(
                    "{FILE} can't be read ({}): it is kept as {name}, and a new one is started",
                    aside.why
                )
            }))
        };
        write().unwrap_or_else(|error| Some(format!("your progress could not be saved: {error:#}")))
    }
}
