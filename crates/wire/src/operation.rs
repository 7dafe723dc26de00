//! What an API offers, as plain tables: generated code lists its operations, a server routes by them, a client calls them.
//! No HTTP library is named here.

use std::fmt;
use std::future::Future;

use crate::canonical::{Value, to_json, write_text};
use crate::message::{Checked, Message, parse};
use crate::reader::{Limits, Mode, Options};
use crate::violation::{Unreadable, Violations};
use crate::xml::Forms;

/// What an operation does to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Stores a request and answers when it is on disk.
    Submit,
    /// Runs the path of its submit and stores nothing.
    Check,
    /// Reads one thing.
    Read,
    /// Reads a page of things.
    List,
    /// Takes a request back.
    Withdraw,
    /// Changes something else; the same again changes nothing more.
    Change,
}

/// Where a parameter stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterPlace {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A header.
    Header,
}

/// One parameter of an operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; header names are compared without regard to case.
    pub name: &'static str,
    /// Where it stands.
    pub place: ParameterPlace,
    /// Whether its value is a number or a boolean, not a string.
    pub bare: bool,
}

/// One operation of an API, as its OpenAPI document says.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// `operationId`
    pub id: &'static str,
    /// HTTP method, in capitals.
    pub method: &'static str,
    /// Full path; parameters in braces.
    pub path: &'static str,
    /// What it does to what is stored.
    pub kind: OperationKind,
    /// Status of the answer when all is well.
    pub success: u16,
    /// Whether it takes a body.
    pub body: bool,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What it takes and gives as XML, if it does.
    pub xml: Option<Forms>,
}

impl Operation {
    /// The parameters as one JSON object, to be read under the rules of the contract like any message. `given` tells the
    /// decoded text of a parameter, `others` what was sent under names that the operation does not know.
    pub fn parameters_json<'g>(
        &self,
        given: impl Fn(&Parameter) -> Option<&'g str>,
        others: impl Iterator<Item = (&'g str, &'g str)>,
    ) -> Vec<u8> {
        let mut json = vec![b'{'];
        for parameter in self.parameters {
            let Some(text) = given(parameter) else { continue };
            if json.len() > 1 {
                json.push(b',');
            }
            write_text(parameter.name, &mut json);
            json.push(b':');
            // A bare value that is no JSON scalar stays a string, which then has the wrong type.
            let bare = parameter.bare && (text == "true" || text == "false" || text.parse::<crate::Decimal>().is_ok());
            if bare {
                json.extend_from_slice(text.as_bytes());
            } else {
                write_text(text, &mut json);
            }
        }
        for (name, text) in others {
            if json.len() > 1 {
                json.push(b',');
            }
            write_text(name, &mut json);
            json.push(b':');
            write_text(text, &mut json);
        }
        json.push(b'}');
        json
    }
}

/// Why a call did not reach the server behind an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// The operation belongs to another API.
    UnknownOperation,
    /// A parameter breaks the contract; pointers are `/` and its name.
    Parameters(Violations),
    /// The body is not a JSON text within the limits.
    Unreadable(Unreadable),
}

impl From<Unreadable> for Unserved {
    fn from(unreadable: Unreadable) -> Self {
        Unserved::Unreadable(unreadable)
    }
}

/// Reads the parameters of a call, as [`Operation::parameters_json`] collected them: one that the operation does not know
/// is an error like any other. Used by generated code.
///
/// # Errors
/// The parameters that break the contract.
pub fn read_parameters<T: for<'p> Message<'p>>(json: &[u8]) -> Result<T, Unserved> {
    let options = Options { mode: Mode::Strict, limits: Limits::GATEWAY, facts: None };
    let parsed = parse::<T>(json, &options).map_err(|unreadable| Unserved::Parameters(unreadable.into()))?;
    parsed.into_result().map(|(checked, _)| checked.into_inner()).map_err(Unserved::Parameters)
}

/// The longest answer that a client reads: a page of receipts may be longer than any request.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The call of an operation, on its way to the transport. Its debug form shows no content.
pub struct Call {
    /// Which operation.
    pub operation: &'static Operation,
    /// The parameters that are given, with the text of their values.
    pub parameters: Vec<(&'static Parameter, String)>,
    /// The JSON body.
    pub body: Option<Vec<u8>>,
}

impl Call {
    /// A call without parameters or body.
    pub fn new(operation: &'static Operation) -> Call {
        Call { operation, parameters: Vec::new(), body: None }
    }

    /// Gives the parameter at `index` of the operation its value.
    pub fn parameter<T: Value>(&mut self, index: usize, value: &T) {
        let json = to_json(value);
        let text =
            serde_json::from_slice::<String>(&json).unwrap_or_else(|_| String::from_utf8_lossy(&json).into_owned());
        self.parameters.push((&self.operation.parameters[index], text));
    }

    /// Gives a body.
    pub fn body<T: Value>(&mut self, body: &Checked<T>) {
        self.body = Some(to_json(&**body));
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation.id).finish_non_exhaustive()
    }
}

/// What came back from a call. Its debug form shows no content.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Carries calls to the other end.
pub trait Transport {
    /// Why no answer came.
    type Error;

    /// Sends one call and waits for its answer.
    fn call(&self, call: Call) -> impl Future<Output = Result<Reply, Self::Error>> + Send;
}

/// Why a call has no good answer. `E` is the transport's error, `P` the error form of the API.
#[derive(Debug)]
pub enum Failure<E, P> {
    /// No answer came.
    Transport(E),
    /// The other end refused, and said why.
    Refused {
        /// HTTP status.
        status: u16,
        /// The answer in the error form of the API.
        answer: Box<Checked<P>>,
    },
    /// The answer is not what the contract says.
    Unexpected {
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        violations: Violations,
    },
}

/// Sends a call and reads its answer, tolerant of what a newer version may add. Used by generated code.
///
/// # Errors
/// As [`Failure`] says.
pub async fn exchange<T, A, P>(transport: &T, call: Call) -> Result<Checked<A>, Failure<T::Error, P>>
where
    T: Transport,
    A: for<'a> Message<'a>,
    P: for<'a> Message<'a>,
{
    let success = call.operation.success;
    let reply = transport.call(call).await.map_err(Failure::Transport)?;
    let status = reply.status;
    let unexpected = |violations| Failure::Unexpected { status, violations };
    if status == success {
        return read_answer(&reply.body).map_err(unexpected);
    }
    match read_answer(&reply.body) {
        Ok(answer) => Err(Failure::Refused { status, answer: Box::new(answer) }),
        Err(violations) => Err(unexpected(violations)),
    }
}

fn read_answer<A: for<'a> Message<'a>>(body: &[u8]) -> Result<Checked<A>, Violations> {
    let limits = Limits { body_bytes_max: ANSWER_BYTES_MAX, ..Limits::GATEWAY };
    let parsed = parse::<A>(body, &Options { mode: Mode::Answer, limits, facts: None });
    parsed.map_err(|unreadable: Unreadable| Violations::from(unreadable))?.into_result().map(|(checked, _)| checked)
}
