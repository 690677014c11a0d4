//! What is noted in a student's workspace: what each grading has shown, and the hints that were asked for.

use crate::labs::Workspace;
use crate::labs::steps::StepId;
use crate::report::TargetReport;
use crate::student::lab_progress::LabProgress;
use crate::student::progress_file::{FILE, ProgressFile};
use crate::student::starter;
use anyhow::Result;
use std::path::PathBuf;

/// The notes of one workspace. In one that is no student's nothing is noted.
pub struct Notes {
    root: Option<PathBuf>,
}

impl Notes {
    /// Those of this workspace.
    pub fn of(workspace: &Workspace) -> Notes {
        let root = workspace.root();
        Notes { root: starter::is_students(root).then(|| root.to_owned()) }
    }

    /// How many hints for a step were asked for, now or long ago.
    pub fn hints(&self, step: &StepId) -> usize {
        let Some(root) = &self.root else { return 0 };
        ProgressFile::read(root).map_or(0, |(progress, _)| progress.hints(&step.lab, &step.name))
    }

    /// Notes that so many were. What can't be noted is said.
    pub fn hint(&self, step: &StepId, number: usize) -> Option<String> {
        self.change(|progress| progress.show_hints(&step.lab, &step.name, number))
    }

    /// Notes what a lab has come to. What can't be noted is said.
    pub fn graded(&self, progress: &LabProgress, report: &TargetReport) -> Option<String> {
        self.change(|file| {
            file.record(progress, report);
            file.count_run();
        })
    }

    /// Changes the file as it is now: another grader may have written it meanwhile.
    fn change(&self, change: impl FnOnce(&mut ProgressFile)) -> Option<String> {
        let root = self.root.as_ref()?;
        let write = || -> Result<Option<String>> {
            let (mut progress, aside) = ProgressFile::read(root)?;
            change(&mut progress);
            progress.write(root)?;
            Ok(aside.map(|aside| {
                let name = aside.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{FILE} can't be read ({}): it is kept as {name}, and begun anew", aside.why)
            }))
        };
        write().unwrap_or_else(|error| Some(format!("what you have reached could not be noted: {error:#}")))
    }
}
