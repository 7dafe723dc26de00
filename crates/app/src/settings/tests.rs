use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};
use tempfile::TempDir;

use super::*;

fn sources(folder: &Path) -> Sources<'_> {
    Sources { folder, file: None, environment: Vec::new(), arguments: Vec::new() }
}

/// What the operator sees, with the folder named `FOLDER`.
fn shown(folder: &Path, fault: &Fault) -> String {
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(200);
    handler.render_report(&mut text, fault).unwrap();
    text.replace(folder.to_str().unwrap(), "FOLDER")
}

/// Every one of `expected` is in what the operator sees of this file.
#[track_caller]
fn check_refused(file: &str, expected: &[&str]) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("usher.toml"), file).unwrap();
    let fault = Settings::load(sources(folder.path())).unwrap_err();
    let text = shown(folder.path(), &fault);
    for part in expected {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn every_setting_is_read() {
    for setting in &SETTINGS {
        check_refused(
            &format!("{} = []", setting.name),
            &[&format!("the setting `{}`", setting.name), setting.expected],
        );
    }
}

#[test]
fn without_any_source_the_defaults_count() {
    let folder = TempDir::new().unwrap();
    let settings = Settings::load(sources(folder.path())).unwrap();
    let expected = Settings {
        listen: "127.0.0.1:8080".parse().unwrap(),
        bank_listen: Some("127.0.0.1:8081".parse().unwrap()),
        ops_listen: Some("127.0.0.1:8082".parse().unwrap()),
        data_folder: "./usher-data".into(),
        tls: None,
        insecure_http: false,
        register: None,
        sandbox_step: Duration::from_secs(2),
        delivery_lease: Duration::from_secs(60),
        retention: Retention { days: 30, parked_days: 90 },
        room: Room::default(),
        log_format: None,
        log_level: LogLevel::Info,
    };
    assert_eq!(settings, expected);
}

#[test]
fn the_command_line_outranks_the_environment_and_that_the_file() {
    let folder = TempDir::new().unwrap();
    let file = "listen = '127.0.0.1:1'\nlog_level = 'error'\nlog_format = 'json'\ninsecure_http = true\n";
    std::fs::write(folder.path().join("usher.toml"), file).unwrap();
    let mut sources = sources(folder.path());
    let variables = [("USHER_LISTEN", "127.0.0.1:2"), ("USHER_LOG_LEVEL", "warn"), ("USHER_INSECURE_HTTP", "false")];
    sources.environment = variables.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    sources.arguments = vec![("listen", Argument::Text("127.0.0.1:3".to_owned()))];
    let settings = Settings::load(sources).unwrap();
    assert_eq!(settings.listen, "127.0.0.1:3".parse().unwrap());
    assert_eq!((settings.log_level, settings.log_format), (LogLevel::Warn, Some(LogFormat::Json)));
    assert!(!settings.insecure_http);
}

#[test]
fn the_bank_and_those_who_run_it_get_a_listener_unless_it_is_switched_off() {
    let folder = TempDir::new().unwrap();
    let mut sources = sources(folder.path());
    sources.environment =
        ["USHER_BANK_LISTEN", "USHER_OPS_LISTEN"].map(|name| (name.to_owned(), "off".to_owned())).into();
    let settings = Settings::load(sources).unwrap();
    assert_eq!((settings.bank_listen, settings.ops_listen), (None, None));
    check_refused("bank_listen = 'none'", &["the setting `bank_listen`", "usher.toml:1:15", "or \"off\""]);
}

#[test]
fn a_path_in_the_file_is_relative_to_the_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("other.toml");
    std::fs::write(&file, "data_folder = 'data'\ntls_cert = '/etc/usher/chain.pem'\n").unwrap();
    let mut sources = sources(Path::new("."));
    sources.file = Some(&file);
    sources.environment = vec![("USHER_TLS_KEY".to_owned(), "key.pem".to_owned())];
    let settings = Settings::load(sources).unwrap();
    assert_eq!(settings.data_folder, folder.path().join("data"));
    let tls = settings.tls.unwrap();
    assert_eq!((tls.certificate.to_str(), tls.key.to_str()), (Some("/etc/usher/chain.pem"), Some("key.pem")));
}

#[test]
fn a_variable_set_to_nothing_is_not_set_and_foreign_ones_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let mut sources = sources(folder.path());
    sources.environment = [("USHER_LISTEN", ""), ("USHER_PORT", "tcp://10.0.0.1:80"), ("LISTEN", "x")]
        .map(|(n, v)| (n.into(), v.into()))
        .into();
    assert_eq!(Settings::load(sources).unwrap().listen.port(), 8080);
}

#[test]
fn an_unknown_setting_is_refused_with_its_place_and_the_nearest_name() {
    check_refused(
        "listen = '127.0.0.1:0'\n\nlisten_adress = 'x'\ndata-folder = 'y'\n[server]\nport = 1\n",
        &[
            "unknown settings `listen_adress`, `data-folder`, `server`",
            "FOLDER/usher.toml",
            "3 | listen_adress",
            "did you mean `listen`?",
            "did you mean `data_folder`?",
            "there is no such setting",
            "help: Correct or remove it. The settings are: listen, bank_listen,",
        ],
    );
}

#[test]
fn a_broken_file_is_refused_with_the_line() {
    check_refused(
        "listen = '127.0.0.1:0'\nlog_level = info\n",
        &[
            "usher::settings::syntax",
            "the configuration file FOLDER/usher.toml is not valid TOML",
            "usher.toml:2:13",
            "help: Write each",
        ],
    );
    check_refused("listen = '127.0.0.1:0'\nlisten = '127.0.0.1:1'\n", &["usher.toml:2:1", "duplicate key"]);
}

#[test]
fn a_value_in_the_file_that_cannot_be_used_is_refused_with_its_place() {
    check_refused(
        "log_level = 'info'\nlisten = 'localhost'\n",
        &[
            "the setting `listen` in the configuration file FOLDER/usher.toml",
            "usher.toml:2:10",
            "help: Write an IP address and a port",
        ],
    );
    check_refused("listen = 8080", &["a number was found", "usher.toml:1:10"]);
    check_refused("insecure_http = 'yes'", &["\"yes\" was found", "help: Write true or false."]);
    check_refused("log_level = 'loud'", &["\"loud\" was found", "help: Write \"error\", \"warn\""]);
    check_refused("tls_version_min = '1.1'", &["\"1.1\" was found", "\"1.2\" for clients"]);
    // A lease that an attempt could outlast is no lease.
    check_refused("delivery_lease = 44", &["usher.toml:1:18", "help: Write a number of seconds from 45 to 600"]);
    check_refused("delivery_lease = 601", &["usher.toml:1:18", "help: Write a number of seconds from 45 to 600"]);
    check_refused("data_folder = ['a']", &["usher.toml:1:15", "help: Write the path of a folder"]);
}

#[test]
fn a_value_from_elsewhere_is_refused_under_the_name_it_has_there() {
    let folder = TempDir::new().unwrap();
    let mut given = sources(folder.path());
    given.environment = vec![("USHER_LISTEN".to_owned(), "127.0.0.1:99999".to_owned())];
    let text = shown(folder.path(), &Settings::load(given).unwrap_err());
    assert!(text.contains("the value of USHER_LISTEN is not valid"), "{text}");
    assert!(text.contains("help: Give an IP address and a port from 0 to 65535"), "{text}");

    let mut given = sources(folder.path());
    given.arguments = vec![("listen", Argument::Text("127.0.0.1:99999".to_owned()))];
    let text = shown(folder.path(), &Settings::load(given).unwrap_err());
    assert!(text.contains("the value of --listen is not valid"), "{text}");
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing.toml");
    let mut given = sources(folder.path());
    given.file = Some(&path);
    let text = shown(folder.path(), &Settings::load(given).unwrap_err());
    assert!(text.contains("cannot read the configuration file FOLDER/missing.toml"), "{text}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let mut given = sources(folder.path());
    given.file = Some(&path);
    assert!(matches!(Settings::load(given).unwrap_err(), Fault::NotText { .. }));
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    check_refused("tls_cert = 'a.pem'", &["`tls_cert` is set, but `tls_key` is not", "--tls-key"]);
    check_refused("tls_key = 'a.pem'", &["`tls_key` is set, but `tls_cert` is not"]);
}

#[test]
fn a_misspelt_variable_is_told_with_the_nearest_name() {
    let names = ["USHER_LISTN", "USHER_KEY_FIEL", "USHER_LISTEN", "USHER_CONFIG", "USHERS", "PATH", "USHER_QQQ"];
    assert_eq!(
        unread(names.map(str::to_owned)),
        [
            "the variable USHER_KEY_FIEL is not read; did you mean USHER_KEY_FILE?",
            "the variable USHER_LISTN is not read; did you mean USHER_LISTEN?",
            "the variable USHER_QQQ is not read; there is no such setting",
        ]
    );
}
