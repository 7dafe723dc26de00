//! Lists that ship with the program, of our own making: the sandbox shows with them how labels and codes agree and what is
//! refused. They hold few made-up entries, and the longest label and largest codes the contract takes.

use std::sync::{Arc, LazyLock};

use super::form::{self, Given};
use super::list::CodeList;

const FILES: [&str; 13] = [
    include_str!("builtin/education.csv"),
    include_str!("builtin/working_status.csv"),
    include_str!("builtin/job_title.csv"),
    include_str!("builtin/home_status.csv"),
    include_str!("builtin/city.csv"),
    include_str!("builtin/town.csv"),
    include_str!("builtin/district.csv"),
    include_str!("builtin/street.csv"),
    include_str!("builtin/branch.csv"),
    include_str!("builtin/disposable_domains.csv"),
    include_str!("builtin/blocked_terms_cs.csv"),
    include_str!("builtin/blocked_terms_de.csv"),
    include_str!("builtin/blocked_terms_tr.csv"),
];

/// All of them.
pub(super) fn lists() -> &'static [Arc<CodeList>] {
    static LISTS: LazyLock<Vec<Arc<CodeList>>> = LazyLock::new(|| {
        let read =
            |text| form::read(text, &Given::default(), &mut |_, _| ()).expect("a test reads every list that ships");
        FILES.into_iter().map(|text| Arc::new(read(text))).collect()
    });
    &LISTS
}
