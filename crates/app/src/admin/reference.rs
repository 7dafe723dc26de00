//! Files of codes: read here in the form they are published in, checked whole, and sent to the gateway as lists.

use indicatif::{ProgressBar, ProgressDrawTarget};
use miette::{LabeledSpan, NamedSource};
use usher_contract::platform::v1::operations::{ImportListParameters, ListStoredListsParameters};
use usher_contract::platform::v1::{ListImport, StoredList};
use usher_domain::reference::form::{self, Given};
use usher_domain::reference::list::CodeList;
use usher_domain::reference::problem::Problems;
use usher_domain::reference::source::{Form, import};
use usher_domain::reference::subject::{FieldClass, Subject};
use usher_wire::Unknown;

use super::output::Output;
use super::{Client, Fault, answered, checked, read_text};
use crate::cli::{ReferenceCommand, ReferenceImportArgs};

/// What is to be done with a gateway.
pub(super) enum Task {
    /// Put these lists in force.
    Import(Vec<CodeList>),
    /// Show the newest version of each list, or all of one.
    List(Option<String>),
}

impl Task {
    /// What a command comes to; a file is read and checked.
    pub(super) fn of(command: &ReferenceCommand) -> Result<Task, Fault> {
        Ok(match command {
            ReferenceCommand::Import(args) => Task::Import(read(args)?),
            ReferenceCommand::List => Task::List(None),
            ReferenceCommand::Show { name } => Task::List(Some(name.clone())),
        })
    }

    /// Does it.
    pub(super) async fn run(self, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
        match self {
            Task::Import(lists) => {
                let mut stored = Vec::new();
                for list in &lists {
                    let import = ListImport { content: form::write(list), unknown: Unknown::default() };
                    let parameters = ImportListParameters::default();
                    stored.push(answered(client.import_list(&parameters, &checked(import)?).await)?.into_inner());
                    output.say(&format!("{}: {} codes are in force.", list.about().reference(), list.len()));
                }
                output.lists(&stored)
            }
            Task::List(name) => {
                let parameters = ListStoredListsParameters { name: name.clone(), ..Default::default() };
                let lists = answered(client.list_stored_lists(&parameters).await)?.into_inner().lists;
                let Some(name) = name else { return output.lists(&newest(lists)) };
                if lists.is_empty() {
                    let told = "there is no list of this name";
                    return Err(Fault::unclear(
                        told,
                        &format!("another list than {name}; see usher reference list"),
                        &[],
                    ));
                }
                output.lists(&lists)
            }
        }
    }
}

/// The first version of each name.
fn newest(mut lists: Vec<StoredList>) -> Vec<StoredList> {
    lists.dedup_by(|later, first| later.name == first.name);
    lists
}

/// The lists of a file, all of them right.
fn read(args: &ReferenceImportArgs) -> Result<Vec<CodeList>, Fault> {
    let text = read_text(&args.file)?;
    let form = args.form.as_deref().and_then(Form::parse).unwrap_or_else(|| Form::of(&text));
    let given = Given {
        name: args.name.clone(),
        version: args.version.clone(),
        title: args.title.clone(),
        subject: args.subject.as_deref().and_then(Subject::parse),
        classes: args.field.iter().filter_map(|class| FieldClass::parse(class)).collect(),
        valid_from: args.valid_from,
        valid_to: args.valid_to,
        source: args.source.clone(),
        licence: args.licence.clone(),
        credit: args.credit.clone(),
    };
    // Drawn on a terminal only.
    let bar = ProgressBar::with_draw_target(Some(text.len() as u64), ProgressDrawTarget::stderr());
    let lists = import(form, &text, &given, &mut |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    lists.map_err(|problems| refused(args.file.display().to_string(), text, &problems))
}

/// All that is wrong, each at its place.
fn refused(name: String, text: String, problems: &Problems) -> Fault {
    let label = |offset: usize, message: &str| {
        let offset = offset.min(text.len());
        LabeledSpan::at_offset(offset, message.to_owned())
    };
    let places = problems.list.iter().filter(|problem| problem.line > 0);
    let places = places.map(|problem| label(problem.offset, &problem.message)).collect();
    Fault::List { list: problems.to_string(), places, text: NamedSource::new(&name, text), name }
}
