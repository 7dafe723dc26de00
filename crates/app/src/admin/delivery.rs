//! Messages on their way: what waits, what was given up, and sending it once more.

use usher_contract::platform::v1::Replay;
use usher_contract::platform::v1::operations::{
    ListOutgoingParameters, ListOutgoingParametersState, ReplayMessagesParameters,
};
use usher_wire::{Choice as _, Unknown};

use super::output::Output;
use super::{Client, Fault, answered, checked, environment};
use crate::cli::DeliveryCommand;

/// Does what was asked for.
pub(super) async fn obey(command: &DeliveryCommand, client: &Client<'_>, output: &Output) -> Result<(), Fault> {
    match command {
        DeliveryCommand::List { parked: _, pending, delivered, environment: place, destination, after, limit } => {
            let state = match (pending, delivered) {
                (true, _) => "pending",
                (_, true) => "delivered",
                _ => "parked",
            };
            let parameters = ListOutgoingParameters {
                environment: Some(environment(place)),
                state: ListOutgoingParametersState::find(state),
                destination: destination.clone(),
                after: *after,
                limit: *limit,
                ..Default::default()
            };
            output.outgoing(&answered(client.list_outgoing(&parameters).await)?)
        }
        DeliveryCommand::Replay { message, all: _, destination, from, to, delivered, environment: place } => {
            let wish = checked(Replay {
                environment: environment(place),
                destination: destination.clone(),
                id: *message,
                from: from.clone(),
                to: to.clone(),
                delivered: Some(*delivered),
                unknown: Unknown::default(),
            })?;
            let parameters = ReplayMessagesParameters::default();
            let result = answered(client.replay_messages(&parameters, &wish).await)?;
            if output.is_json {
                return output.print_json(&result);
            }
            output.print(&format!("{} messages are sent once more.", result.replayed))
        }
    }
}
