//! German places by code: which postal codes can exist, and how a 13-digit geo code is built.
//! Whether one does exist is known only to a loaded list.

/// First two digits of postal codes that were never given to a region.
const POSTAL_REGIONS_UNASSIGNED: [&str; 4] = ["00", "05", "43", "62"];

/// The highest postal code in use.
const POSTAL_CODE_LAST: &str = "99998";

/// What a geo code says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeoCode {
    /// Not 13 digits, or not in Germany (continent 1, country 276).
    Elsewhere,
    /// In Germany, in a state nobody has listed: outside 001 to 016.
    StateUnlisted,
    /// In one of the 16 German states.
    InState,
}

/// Whether the code lies in an assigned German postal region.
pub fn is_postal_region_assigned(postal_code: &str) -> bool {
    postal_code.len() == 5
        && postal_code.bytes().all(|byte| byte.is_ascii_digit())
        && !POSTAL_REGIONS_UNASSIGNED.contains(&&postal_code[..2])
        && postal_code <= POSTAL_CODE_LAST
}

/// Reads a geo code: 1 digit continent, 3 country, 3 state, 3 city or district, 3 quarter.
pub fn geo_code(code: &str) -> GeoCode {
    let is_german = code.len() == 13 && code.bytes().all(|byte| byte.is_ascii_digit()) && code.starts_with("1276");
    if !is_german {
        return GeoCode::Elsewhere;
    }
    if ("001"..="016").contains(&&code[4..7]) { GeoCode::InState } else { GeoCode::StateUnlisted }
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: IS-066
    #[test]
    fn a_code_outside_every_assigned_region_is_refused() {
        for (code, assigned) in [
            ("01067", true),
            ("10115", true),
            ("60306", true),
            ("80331", true),
            ("99998", true),
            ("99999", false),
            ("00000", false),
            ("00999", false),
            ("01000", true),
            ("04999", true),
            ("05000", false),
            ("05999", false),
            ("06000", true),
            ("42999", true),
            ("43000", false),
            ("43999", false),
            ("44000", true),
            ("61999", true),
            ("62000", false),
            ("62999", false),
            ("63000", true),
            ("", false),
            ("1011", false),
            ("101155", false),
            ("1011a", false),
            ("é1é", false),
        ] {
            assert_eq!(is_postal_region_assigned(code), assigned, "{code}");
        }
    }

    // shows: IS-065
    #[test]
    fn a_geo_code_is_german_or_refused_and_its_state_known_or_warned_of() {
        for (code, expected) in [
            ("1276003001046", GeoCode::InState),
            ("1276001001001", GeoCode::InState),
            ("1276016001001", GeoCode::InState),
            ("1276000001001", GeoCode::StateUnlisted),
            ("1276017001001", GeoCode::StateUnlisted),
            ("1276999001001", GeoCode::StateUnlisted),
            ("1275003001046", GeoCode::Elsewhere),
            ("2276003001046", GeoCode::Elsewhere),
            ("127600300104", GeoCode::Elsewhere),
            ("12760030010466", GeoCode::Elsewhere),
            ("127600300104x", GeoCode::Elsewhere),
            ("1276é0300104", GeoCode::Elsewhere),
            ("", GeoCode::Elsewhere),
        ] {
            assert_eq!(geo_code(code), expected, "{code}");
        }
    }

    /// Every postal code of the lists in the folder `USHER_DATA` lies in a region we call assigned.
    #[test]
    fn no_listed_postal_code_is_refused() {
        let Some(folder) = std::env::var_os("USHER_DATA").map(std::path::PathBuf::from) else {
            eprintln!("skipped no_listed_postal_code_is_refused: USHER_DATA names no folder with postal code lists");
            return;
        };
        for name in ["de_postal_codes_geonames.csv", "de_postal_codes_delivery_osm.csv"] {
            let path = folder.join(name);
            let list = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let codes = list.lines().skip(1).filter_map(|line| line.split(',').next());
            let refused: Vec<&str> = codes.filter(|code| !is_postal_region_assigned(code)).collect();
            assert_eq!(refused, Vec::<&str>::new(), "{name}");
        }
    }
}
