//! Operations: the table of an API, the trait of its server, the calls of its client. Plain Rust; no HTTP library is named.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{Emitter, number};
use crate::name::{identifier, snake};
use crate::openapi::{Api, Operation};
use crate::plan::Shape;
use crate::resolve::Location;

impl Emitter<'_> {
    /// Emits what an OpenAPI file describes, as the module `operations` of its folder.
    pub(super) fn operations(&mut self, api: &Api) {
        self.here =
            (api.folder.split('/').filter(|part| !part.is_empty()).map(snake).collect(), "operations".to_owned());
        let count = number(api.operations.len());
        let table: Vec<TokenStream> = api.operations.iter().map(|operation| self.entry(operation)).collect();
        let handlers: Vec<TokenStream> = api.operations.iter().map(|operation| self.handler(api, operation)).collect();
        let routes: Vec<TokenStream> = api.operations.iter().map(|operation| self.route(api, operation)).collect();
        let calls: Vec<TokenStream> =
            api.operations.iter().enumerate().map(|(index, operation)| self.call(api, index, operation)).collect();
        let title = format!(" The operations of the API `{}`.", api.folder);
        let items = quote!(
            #[doc = #title]
            pub static OPERATIONS: [wire::Operation; #count] = [#(#table),*];

            /// What a server does for each operation.
            pub trait Server: Sync {
                /// What the server knows of a call beside its content: who calls, when, in which environment.
                type Call: Sync;
                /// What the server sends back.
                type Answer: Send;

                #(#handlers)*
            }

            /// Reads parameters and body of a call under the rules of the contract and hands them to the server.
            ///
            /// # Errors
            /// Parameters that break the contract, or a body that cannot be read. A body that breaks the contract reaches the
            /// server with its violations.
            pub async fn serve<T: Server>(
                server: &T,
                operation: &'static wire::Operation,
                call: &T::Call,
                parameters: &[u8],
                body: &[u8],
                options: &wire::Options<'_>,
            ) -> Result<T::Answer, wire::Unserved> {
                let _ = (parameters, body, options);
                match operation.id {
                    #(#routes)*
                    _ => Err(wire::Unserved::UnknownOperation),
                }
            }

            /// Typed calls of every operation.
            #[derive(Debug, Clone)]
            pub struct Client<T> {
                transport: T,
            }

            impl<T: wire::Transport> Client<T> {
                /// A client that calls through `transport`.
                pub const fn new(transport: T) -> Self {
                    Client { transport }
                }

                /// The transport.
                pub const fn transport(&self) -> &T {
                    &self.transport
                }

                #(#calls)*
            }
        );
        let first = self.plan.model.at(&api.location).unwrap_or(crate::model::NodeId(usize::MAX));
        self.items.entry(std::mem::take(&mut self.here)).or_default().insert((first, 9), items);
    }

    fn entry(&mut self, operation: &Operation) -> TokenStream {
        let xml = self.xml_forms(operation);
        let Operation { id, method, path, .. } = operation;
        let kind = format_ident!("{}", crate::name::pascal(&operation.kind));
        let success = proc_macro2::Literal::u16_unsuffixed(operation.success());
        let body = operation.request.is_some();
        let parameters = operation.parameters.iter().map(|parameter| {
            let name = &parameter.name;
            let place = format_ident!("{}", crate::name::pascal(&parameter.place));
            let shape = self.plan.model.at(&parameter.schema).map(|node| self.plan.shape(node).clone());
            let bare = matches!(shape, Some(Shape::Integer | Shape::Decimal | Shape::Boolean));
            quote!(wire::Parameter { name: #name, place: wire::ParameterPlace::#place, bare: #bare })
        });
        quote!(wire::Operation {
            id: #id,
            method: #method,
            path: #path,
            kind: wire::OperationKind::#kind,
            success: #success,
            body: #body,
            parameters: &[#(#parameters),*],
            xml: #xml,
        })
    }

    /// The types of an operation: its parameters and its body, where it has them.
    fn inputs(&self, api: &Api, operation: &Operation) -> (Option<TokenStream>, Option<TokenStream>) {
        let parameters = self.plan.parameters.get(&format!("{}/{}", api.folder, operation.id));
        let parameters = parameters.and_then(|id| self.type_path(*id));
        (parameters, operation.request.as_ref().map(|location| self.type_at(location)))
    }

    fn type_at(&self, location: &Location) -> TokenStream {
        match self.plan.model.at(location) {
            Some(id) => self.type_path(id).unwrap_or_else(|| quote!(wire::Json)),
            None => quote!(wire::Json),
        }
    }

    fn handler(&self, api: &Api, operation: &Operation) -> TokenStream {
        let docs = format!(" {}", operation.summary);
        let name = identifier(&snake(&operation.id));
        let (parameters, body) = self.inputs(api, operation);
        let parameters = parameters.map(|kind| quote!(, parameters: #kind));
        let body = body.map(|kind| quote!(, body: wire::Parsed<#kind>));
        quote!(
            #[doc = #docs]
            fn #name(&self, call: &Self::Call #parameters #body) -> impl Future<Output = Self::Answer> + Send;
        )
    }

    fn route(&self, api: &Api, operation: &Operation) -> TokenStream {
        let id = &operation.id;
        let name = identifier(&snake(id));
        let (parameters, body) = self.inputs(api, operation);
        let parameters = parameters.map(|kind| quote!(, wire::read_parameters::<#kind>(parameters)?));
        let body = body.map(|kind| quote!(, wire::parse::<#kind>(body, options)?));
        quote!(#id => Ok(server.#name(call #parameters #body).await),)
    }

    fn call(&self, api: &Api, index: usize, operation: &Operation) -> TokenStream {
        let docs = format!(" {}", operation.summary);
        let name = identifier(&snake(&operation.id));
        let index = number(index);
        let (parameters, body) = self.inputs(api, operation);
        let has_parameters = parameters.is_some();
        let parameters = parameters.map(|kind| quote!(, parameters: &#kind));
        let taken_body = body.as_ref().map(|_| quote!(call.body(body);));
        let body = body.map(|kind| quote!(, body: &wire::Checked<#kind>));
        let given = operation.parameters.iter().enumerate().filter(|_| has_parameters).map(|(at, parameter)| {
            let field = identifier(&snake(&parameter.name));
            let at = number(at);
            if parameter.required {
                quote!(call.parameter(#at, &parameters.#field);)
            } else {
                quote!(
                    if let Some(value) = &parameters.#field {
                        call.parameter(#at, value);
                    }
                )
            }
        });
        let given: Vec<TokenStream> = given.collect();
        let answer = answer(operation, &operation.success().to_string())
            .map_or_else(|| quote!(wire::Json), |at| self.type_at(at));
        let error = answer_of_errors(operation).map_or_else(|| quote!(wire::Json), |at| self.type_at(at));
        let mutable = (taken_body.is_some() || !given.is_empty()).then(|| quote!(mut));
        quote!(
            #[doc = #docs]
            ///
            /// # Errors
            /// No answer, a refusal, or an answer that is not what the contract says.
            pub async fn #name(&self #parameters #body) -> Result<wire::Checked<#answer>, wire::Failure<T::Error, #error>> {
                let #mutable call = wire::Call::new(&OPERATIONS[#index]);
                #(#given)*
                #taken_body
                wire::exchange(&self.transport, call).await
            }
        )
    }
}

fn answer<'o>(operation: &'o Operation, status: &str) -> Option<&'o Location> {
    operation.responses.iter().find(|(known, _)| known == status).and_then(|(_, location)| location.as_ref())
}

/// The form in which an operation says what went wrong: the default answer, else that of the first error.
fn answer_of_errors(operation: &Operation) -> Option<&Location> {
    let first = || {
        let mut errors = operation.responses.iter().filter(|(status, _)| status.starts_with(['4', '5']));
        errors.find_map(|(_, location)| location.as_ref())
    };
    answer(operation, "default").or_else(first)
}
