//! Files as others publish them, read into lists: a table of what each form is, where it comes from and what its columns
//! mean. Lists of different licences stay apart; rules ask all lists of a subject.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::form::{self, Given, Row};
use super::list::{About, CodeList};
use super::problem::{Found, Problems, whole};
use super::subject::Subject;
use super::table::{Field, Table};

/// A form of file that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Our own: head lines and the columns code, label, parent, valid_from, valid_to.
    Generic,
    /// German postal codes of GeoNames.
    GeonamesDe,
    /// Czech postal codes of GeoNames.
    GeonamesCz,
    /// Turkish postal codes of GeoNames.
    GeonamesTr,
    /// German delivery areas of OpenStreetMap.
    OsmDelivery,
    /// German regional keys (GV100), and the postal codes of their town halls.
    Gv100,
    /// Turkish provinces.
    TrProvinces,
    /// Turkish districts.
    TrDistricts,
    /// Countries (ISO 3166-1).
    IsoCountries,
    /// Currencies (ISO 4217).
    IsoCurrencies,
    /// Domains of throw-away mail, one a line.
    DisposableDomains,
    /// Offensive terms, by language.
    Blocklist,
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 12] = [
        Form::Generic,
        Form::GeonamesDe,
        Form::GeonamesCz,
        Form::GeonamesTr,
        Form::OsmDelivery,
        Form::Gv100,
        Form::TrProvinces,
        Form::TrDistricts,
        Form::IsoCountries,
        Form::IsoCurrencies,
        Form::DisposableDomains,
        Form::Blocklist,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Form::Generic => "generic",
            Form::GeonamesDe => "geonames-de",
            Form::GeonamesCz => "geonames-cz",
            Form::GeonamesTr => "geonames-tr",
            Form::OsmDelivery => "osm-delivery",
            Form::Gv100 => "gv100",
            Form::TrProvinces => "tr-provinces",
            Form::TrDistricts => "tr-districts",
            Form::IsoCountries => "iso-countries",
            Form::IsoCurrencies => "iso-currencies",
            Form::DisposableDomains => "disposable-domains",
            Form::Blocklist => "blocklist",
        }
    }

    /// The form of that name.
    pub fn parse(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.as_str() == name)
    }

    /// The form a text looks like, by its first line.
    pub fn of(text: &str) -> Form {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().next().unwrap_or_default().trim();
        let published = Form::ALL.into_iter().find(|form| form.columns().is_some_and(|columns| columns == first));
        published.unwrap_or_else(|| {
            let is_domain = Subject::DisposableDomain.fault_of(first).is_none();
            if is_domain { Form::DisposableDomains } else { Form::Generic }
        })
    }

    /// The first line of a file of this form; none where it has no fixed one.
    const fn columns(self) -> Option<&'static str> {
        match self {
            Form::Generic | Form::DisposableDomains => None,
            Form::GeonamesDe => Some("plz,place,ags_kreis"),
            Form::GeonamesCz => Some("psc,place,kraj"),
            Form::GeonamesTr => Some("postal_code,province,district"),
            Form::OsmDelivery => Some("plz,city,state"),
            Form::Gv100 => Some("level,ars,ags,name,seat_plz"),
            Form::TrProvinces => Some("code,name,region_tr,phone_area_codes"),
            Form::TrDistricts => Some("district_id,province_code,name"),
            Form::IsoCountries => Some("alpha2,alpha3,numeric,dial,currency,name_en"),
            Form::IsoCurrencies => Some("alpha,numeric,minor_unit,name"),
            Form::Blocklist => Some("lang,term"),
        }
    }

    /// Source, licence and credit of what is published in this form.
    const fn origin(self) -> [&'static str; 3] {
        const CC_BY: &str = "CC BY 4.0";
        match self {
            Form::Generic => ["", "", ""],
            Form::GeonamesDe | Form::GeonamesCz | Form::GeonamesTr => ["GeoNames", CC_BY, "GeoNames.org, CC BY 4.0"],
            Form::OsmDelivery => ["OpenStreetMap", "ODbL 1.0", "© OpenStreetMap contributors, ODbL 1.0"],
            Form::Gv100 => [
                "Gemeindeverzeichnis GV100AD",
                "reproduction and distribution with source allowed",
                "© Statistisches Bundesamt (Destatis)",
            ],
            Form::TrProvinces | Form::TrDistricts => {
                ["turkiye-api, after TUIK", "MIT", "© 2022-2026 Ubeyde Emir Özdemir, MIT"]
            }
            Form::IsoCountries => ["datasets/country-codes", "PDDL 1.0", "datasets/country-codes"],
            Form::IsoCurrencies => ["datasets/currency-codes", "public domain", "datasets/currency-codes"],
            Form::DisposableDomains => ["disposable-email-domains", "CC0 1.0", "disposable-email-domains"],
            Form::Blocklist => [
                "List of Dirty, Naughty, Obscene, and Otherwise Bad Words",
                CC_BY,
                "LDNOOBW contributors, Shutterstock, CC BY 4.0",
            ],
        }
    }

    /// The lists such a file holds: name, title, subject.
    const fn lists(self) -> &'static [(&'static str, &'static str, Option<Subject>)] {
        const POSTAL: Option<Subject> = Some(Subject::DePostalCode);
        match self {
            Form::Generic | Form::Blocklist => &[],
            Form::GeonamesDe => {
                &[("de_postal_codes_geonames", "German postal codes; a label may name a company", POSTAL)]
            }
            Form::GeonamesCz => &[("cz_postal_codes_geonames", "Czech postal codes", None)],
            Form::GeonamesTr => &[("tr_postal_codes_geonames", "Turkish postal codes", None)],
            Form::OsmDelivery => &[("de_postal_codes_osm", "German postal codes with a delivery area", POSTAL)],
            Form::Gv100 => &[
                ("de_regional_keys", "German states, districts and municipalities", None),
                ("de_town_hall_postal_codes", "Postal codes of German town halls", POSTAL),
            ],
            Form::TrProvinces => &[("tr_provinces", "Turkish provinces", Some(Subject::City))],
            Form::TrDistricts => &[("tr_districts", "Turkish districts by national id", None)],
            Form::IsoCountries => &[("iso_countries", "Countries, ISO 3166-1", None)],
            Form::IsoCurrencies => &[("iso_currencies", "Currencies, ISO 4217", None)],
            Form::DisposableDomains => {
                &[("disposable_domains", "Domains of throw-away mail", Some(Subject::DisposableDomain))]
            }
        }
    }
}

/// Reads a file of a form into its lists. A given name is the name of the list, or begins the names where there are several.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn import(
    form: Form,
    text: &str,
    given: &Given,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<CodeList>, Problems> {
    let Some(columns) = form.columns() else {
        return match form {
            Form::DisposableDomains => domains(text, given).map(|list| vec![list]),
            _ => form::read(text, given, progress).map(|list| vec![list]),
        };
    };
    form::check_size(text)?;
    let mut found = Found::new(text);
    let begin = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut table = Table::new(text, begin);
    let mut row = Vec::new();
    if !table.next(&mut row, &mut found) || !row.iter().map(|field| &*field.text).eq(columns.split(',')) {
        found.note(begin, format!("the first line of this form is `{columns}`"));
        return Err(found.finish().expect_err("a problem was noted"));
    }
    let width = row.len();
    let mut lists: BTreeMap<usize, Vec<Row<'_>>> = BTreeMap::new();
    let mut languages: Vec<Cow<'_, str>> = Vec::new();
    let mut seats = std::collections::BTreeSet::new();
    let mut count = 0_usize;
    while table.next(&mut row, &mut found) {
        if row.len() != width {
            found.note(row[0].at, format!("the row has {} fields, not {width}", row.len()));
            continue;
        }
        let fields: Vec<Field<'_>> = std::mem::take(&mut row);
        match form {
            Form::GeonamesDe | Form::GeonamesCz | Form::OsmDelivery => {
                let [code, place, region] = take(fields);
                lists.entry(0).or_default().push(entry(code, join(place, &region), None));
            }
            Form::GeonamesTr => {
                let [code, province, district] = take(fields);
                lists.entry(0).or_default().push(entry(code, join(district, &province), None));
            }
            Form::Gv100 => {
                let [level, key, _, name, seat] = take(fields);
                let parent = parent_of_key(&level.text, &key, &mut found);
                lists.entry(0).or_default().push(entry(key, name, parent));
                if !seat.text.is_empty() && seats.insert(seat.text.clone()) {
                    let none = Field { at: seat.at, text: Cow::Borrowed("") };
                    lists.entry(1).or_default().push(entry(seat, none, None));
                }
            }
            Form::TrProvinces => {
                let [code, name, ..]: [_; 4] = take(fields);
                lists.entry(0).or_default().push(entry(code, name, None));
            }
            Form::TrDistricts => {
                let [code, province, name] = take(fields);
                lists.entry(0).or_default().push(entry(code, name, Some(province)));
            }
            Form::IsoCountries => {
                let [code, _, _, _, _, name] = take(fields);
                lists.entry(0).or_default().push(entry(code, name, None));
            }
            Form::IsoCurrencies => {
                let [code, _, _, name] = take(fields);
                lists.entry(0).or_default().push(entry(code, name, None));
            }
            Form::Blocklist => {
                let [language, term] = take(fields);
                let known = languages.iter().position(|known| *known == language.text);
                let place = known.unwrap_or_else(|| {
                    languages.push(language.text);
                    languages.len() - 1
                });
                let none = Field { at: term.at, text: Cow::Borrowed("") };
                lists.entry(place).or_default().push(entry(term, none, None));
            }
            Form::Generic | Form::DisposableDomains => {}
        }
        count += 1;
        if count.is_multiple_of(4096) {
            progress(table.offset().min(text.len()), text.len());
        }
    }
    found.finish()?;
    if lists.is_empty() {
        return Err(whole("the file has no row"));
    }
    let is_single = lists.len() == 1 && form != Form::Blocklist;
    let mut read = Vec::new();
    for (place, rows) in lists {
        let mut about = match form.lists().get(place) {
            Some(&(name, title, subject)) => about(form, name.to_owned(), title.to_owned(), subject),
            None => {
                let language = languages[place].as_ref();
                let title = format!("Terms to refuse ({language})");
                let about = about(form, format!("blocklist_{language}"), title, Some(Subject::BlockedTerm));
                About { language: Some(language.to_owned()), ..about }
            }
        };
        let own_name = about.name.clone();
        given.overlay(&mut about);
        if let (Some(prefix), false) = (&given.name, is_single) {
            about.name = format!("{prefix}_{own_name}");
        }
        read.push(form::finish(about, &rows, Found::new(text))?);
    }
    progress(text.len(), text.len());
    Ok(read)
}

fn about(form: Form, name: String, title: String, subject: Option<Subject>) -> About {
    let [source, licence, credit] = form.origin().map(str::to_owned);
    About { name, title, subject, source, licence, credit, ..About::default() }
}

fn entry<'t>(code: Field<'t>, labels: Field<'t>, parent: Option<Field<'t>>) -> Row<'t> {
    let none = |at| Field { at, text: Cow::Borrowed("") };
    let at = code.at;
    Row { code, labels, parent: parent.unwrap_or_else(|| none(at)), from: none(at), to: none(at) }
}

/// A place and what it lies in, as one label. The separator of labels does not stay.
fn join<'t>(place: Field<'t>, within: &Field<'t>) -> Field<'t> {
    let is_shown = !within.text.is_empty() && !within.text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if is_shown && place.text != within.text {
        Cow::Owned(format!("{} ({})", place.text, within.text))
    } else {
        place.text
    };
    Field { at: place.at, text: if text.contains('|') { Cow::Owned(text.replace('|', "/")) } else { text } }
}

/// The key of the next level above, which the key begins with: municipality, district, government region or state.
fn parent_of_key<'t>(level: &str, key: &Field<'t>, found: &mut Found<'_>) -> Option<Field<'t>> {
    let (length, above) = match level {
        "land" => (2, None),
        "regierungsbezirk" => (3, Some(2)),
        "kreis" => (5, Some(2)),
        "gemeinde" => (12, Some(5)),
        _ => {
            found.note(key.at, "the level is land, regierungsbezirk, kreis or gemeinde");
            return None;
        }
    };
    if key.text.len() != length || !key.text.bytes().all(|byte| byte.is_ascii_digit()) {
        found.note(key.at, format!("the key of this level has {length} digits"));
        return None;
    }
    above.map(|length| {
        let text = match &key.text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..length]),
            Cow::Owned(text) => Cow::Owned(text[..length].to_owned()),
        };
        Field { at: key.at, text }
    })
}

fn domains(text: &str, given: &Given) -> Result<CodeList, Problems> {
    form::check_size(text)?;
    let mut at = 0;
    let mut rows = Vec::new();
    for line in text.split_inclusive('\n') {
        let domain = line.trim();
        if !domain.is_empty() && !domain.starts_with('#') {
            let begin = at + line.find(domain).unwrap_or_default();
            let code = Field { at: begin, text: Cow::Borrowed(domain.trim_start_matches('\u{feff}')) };
            let none = Field { at: begin, text: Cow::Borrowed("") };
            rows.push(entry(code, none, None));
        }
        at += line.len();
    }
    let (name, title, subject) = Form::DisposableDomains.lists()[0];
    let mut about = about(Form::DisposableDomains, name.to_owned(), title.to_owned(), subject);
    given.overlay(&mut about);
    form::finish(about, &rows, Found::new(text))
}

fn take<'t, const N: usize>(fields: Vec<Field<'t>>) -> [Field<'t>; N] {
    fields.try_into().unwrap_or_else(|_| panic!("the row was found as wide as its form"))
}
