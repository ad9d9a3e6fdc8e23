//! WAL gets archived: else a restore to the moment before the run is not possible, and the disk fills.

use crate::database::Archiving;

use super::words::since;
use super::{Case, Verdict, closed, known, open};

pub(super) fn judge(case: &Case<'_>) -> Option<Verdict> {
    let asked = case.wanted.archiving.as_ref()?;
    match known("archiving", asked.named, &case.facts.archiving) {
        Err(untold) => untold.verdict(),
        Ok(Archiving::Off) => open("the server does not archive its WAL (archive_mode is off)"),
        Ok(Archiving::Working) => open("WAL gets archived"),
        Ok(Archiving::Failing { file, last }) => {
            let last = match last {
                Some(last) => format!("the last one that was archived was so at {}", since(*last)),
                None => "none was ever archived".to_owned(),
            };
            closed(
                format!("the server fails to archive its WAL: {file} cannot be archived; {last}"),
                "mend archive_command or archive_library; the server's log says what is wrong",
            )
        }
    }
}
