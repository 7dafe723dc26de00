//! Submits one contact request, typed by hand, and prints the id of its receipt.
//!
//! ```text
//! cargo run -p usher-client --example submit -- KEY_FILE
//! ```
//!
//! `USHER_URL` is the gateway's address, `http://127.0.0.1:8080` if it is not set; the file that holds the key may also
//! be named by `USHER_KEY_FILE`.

use std::error::Error;
use std::process::ExitCode;

use usher_client::contract::contact_request::v1::{ConsumerCredit, Intent, Money, Person, Request, Subject};
use usher_client::contract::shared::Currency;
use usher_client::wire::Decimal;
use usher_client::{ApiKey, Client, check};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match submit().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn submit() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("USHER_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let key_file = std::env::args_os().nth(1).or_else(|| std::env::var_os("USHER_KEY_FILE"));
    let key_file = key_file.ok_or("name the file that holds your key, as an argument or in USHER_KEY_FILE")?;
    let client = Client::builder(&url, ApiKey::new(&std::fs::read_to_string(key_file)?)?).build()?;

    let request = check(Request {
        person: Person { forename: "Jana".into(), surname: "Vzorová".into(), unknown: Default::default() },
        phone_number: "+420 601 123 456".into(),
        email: "jana.vzorova@example.org".into(),
        language: Some("cs".to_owned()),
        recontact: None,
        subject: Subject::ConsumerCredit(ConsumerCredit {
            intent: Some(Intent::Arrange),
            amount: Money {
                value: Decimal::from(250_000).into(),
                currency: Currency::Czk,
                unknown: Default::default(),
            },
            interest_rate: Some("7.9".parse::<Decimal>()?.into()),
            maturity_months: Some(60.into()),
            purpose: Some("A used car".into()),
            unknown: Default::default(),
        }),
        message: None,
        consent: None,
        attribution: None,
        unknown: Default::default(),
    })?;

    let receipt = client.contact_request().submit(&request).await?;
    println!("{}", receipt.id);
    for warning in &receipt.warnings {
        eprintln!("warning {}: {}", warning.code, warning.message);
    }
    Ok(())
}
