//! What XML becomes in JSON, on a small table; and what JSON becomes in XML.

use super::{Content, Document, Member, Tagged, from_json, to_json};
use crate::reader::Limits;

const fn member(name: &'static str, is_list: bool, content: Content) -> Member {
    Member { name, is_list, content }
}

static ORDER: [Member; 8] = [
    member("id", false, Content::Text),
    member("count", false, Content::Number),
    member("sum", false, Content::NumberOrText),
    member("paid", false, Content::Boolean),
    member("tags", true, Content::Text),
    member("lines", true, Content::Record(&LINE)),
    member("payment", false, Content::Tagged(&PAYMENT)),
    member("more", false, Content::Any),
];

static LINE: [Member; 2] = [member("name", false, Content::Text), member("count", false, Content::Number)];

static PAYMENT: Tagged = Tagged { tag: "type", namespace: "urn:p", variants: &[("Card", &CARD), ("Cash", &[])] };

static CARD: [Member; 1] = [member("number", false, Content::Text)];

static DOCUMENT: Document = Document { name: "order", namespace: "urn:o", prefix: "o", members: &ORDER };

const INSTANCE: &str = "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:p=\"urn:p\"";

fn order(content: &str) -> String {
    format!("<o:order xmlns:o=\"urn:o\">{content}</o:order>")
}

#[track_caller]
fn is(content: &str, json: &str) {
    let found = to_json(order(content).as_bytes(), &DOCUMENT, &Limits::GATEWAY);
    assert_eq!(found.map(|json| String::from_utf8(json).unwrap()), Ok(json.to_owned()), "{content}");
}

#[track_caller]
fn refused(content: &str, code: &str) {
    let found = to_json(order(content).as_bytes(), &DOCUMENT, &Limits::GATEWAY);
    assert_eq!(found.map_err(|unreadable| unreadable.code).unwrap_err(), code, "{content}");
}

#[test]
fn text_is_typed_by_the_table() {
    is("", "{}");
    is("<id>7</id><count>7</count><sum>7.50</sum><paid>1</paid>", r#"{"id":"7","count":7,"sum":7.50,"paid":true}"#);
    is(
        "<id> 7 </id><count> 7\n</count><sum>\t-1e3 </sum><paid> false </paid>",
        r#"{"id":" 7 ","count":7,"sum":-1e3,"paid":false}"#,
    );
    for other in ["01", "+1", ".5", "5.", "1,5", "0x1", "NaN", "5e", "1 2"] {
        is(
            &format!("<count>{other}</count><sum>{other}</sum>"),
            &format!("{{\"count\":\"{other}\",\"sum\":\"{other}\"}}"),
        );
    }
    is("<paid>TRUE</paid>", r#"{"paid":"TRUE"}"#);
    is("<id/><count></count><sum/><paid/><more/>", r#"{"id":"","count":"","sum":"","paid":"","more":""}"#);
}

#[test]
fn text_comes_in_many_spellings() {
    is("<id>a&lt;b&amp;c&#x20;&#100;<![CDATA[<e>]]]]><!-- no -->\"\\</id>", r#"{"id":"a<b&c d<e>]]\"\\"}"#);
    is("<id>a\r\nb\rc&#13;\td</id>", r#"{"id":"a\nb\nc\r\td"}"#);
    is("<count>&#49;<!-- -->2</count>", r#"{"count":12}"#);
    is("<id>\u{ff5e}]]</id >", "{\"id\":\"\u{ff5e}]]\"}");
}

#[test]
fn members_stand_in_the_order_of_the_table_and_arrays_together() {
    is("<tags>a</tags><id>1</id><tags>b</tags><count>2</count>", r#"{"id":"1","count":2,"tags":["a","b"]}"#);
    is(
        "<lines><count>1</count><name>a</name></lines><id>x</id><lines/>",
        r#"{"id":"x","lines":[{"name":"a","count":1},{}]}"#,
    );
    refused("<id>1</id><id>1</id>", "duplicate_key");
    refused("<id>1</id><tags>a</tags><id>1</id>", "duplicate_key");
}

#[test]
fn a_type_is_a_name_in_its_namespace() {
    is(
        &format!("<payment {INSTANCE} i:type=\" p:Card\n\"><number>1</number></payment><id>x</id>"),
        r#"{"id":"x","payment":{"type":"Card","number":"1"}}"#,
    );
    for (value, tag) in [
        ("o:Card", "{urn:o}Card"),
        ("Card", "{}Card"),
        ("x:Card", "{}Card"),
        ("p:Coin", "{urn:p}Coin"),
        (":Card", "{}:Card"),
    ] {
        is(&format!("<payment {INSTANCE} i:type=\"{value}\"/>"), &format!("{{\"payment\":{{\"type\":\"{tag}\"}}}}"));
    }
    // An element is no attribute.
    is("<payment><type>Card</type></payment>", r#"{"payment":{"{}type":"Card"}}"#);
    is("<payment type=\"Card\"/>", r#"{"payment":{"@type":"Card"}}"#);
}

#[test]
fn what_the_table_does_not_name_becomes_members_that_it_does_not_name() {
    is("<b>2</b><id>1</id><a/><b><c>3</c></b>", r#"{"id":"1","b":["2",{"c":"3"}],"a":""}"#);
    is("<o:id>1</o:id><x:id xmlns:x=\"urn:x\">2</x:id>", r#"{"{urn:o}id":"1","{urn:x}id":"2"}"#);
    is("<id xmlns=\"urn:d\">1</id><id>2</id>", r#"{"id":"2","{urn:d}id":"1"}"#);
    is(
        "<id lang=\"de\">1</id><lines a='1'><name/></lines>",
        r#"{"id":"1","lines":[{"name":"","@a":"1"}],"id@lang":"de"}"#,
    );
    is(
        "<x a=\"1\" xml:lang=\"de\">t<y/>u</x>",
        "{\"x\":{\"@a\":\"1\",\"@{http://www.w3.org/XML/1998/namespace}lang\":\"de\",\"y\":\"\",\"#text\":\"tu\"}}",
    );
}

#[test]
fn text_and_elements_in_the_wrong_place_are_of_the_wrong_type() {
    is("<lines>a</lines>", r#"{"lines":["a"]}"#);
    is("<lines><name>n</name>a</lines>", r#"{"lines":["a"]}"#);
    is("<id><b>1</b></id>", r#"{"id":{"b":"1"}}"#);
    is("stray", "\"stray\"");
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for content in [
        "<id>1</count>",
        "<id>1",
        "<id",
        "<id 1/>",
        "<id a/>",
        "<id a=1/>",
        "<id a=\"1\"b=\"2\"/>",
        "<id a=\"<\"/>",
        "</id>",
        "< id/>",
        "<1/>",
        "<a:b/>",
        "<:b/>",
        "<a:/>",
        "<id a:b=\"1\"/>",
        "a & b",
        "&#;",
        "&#x;",
        "&#xg;",
        "&#1114112;",
        "]]>",
        "<!-- -- -->",
        "<!-- ",
        "<![CDATA[",
        "<!a>",
        "<?a?>",
        "\u{1}",
        "\u{fffe}",
        "&#xfffe;",
        "&#1;",
        "<id xmlns:xmlns=\"a\"/>",
        "<id xmlns:a=\"\"/>",
        "<id xmlns:xml=\"a\"/>",
        "</o:order><o:order>",
    ] {
        refused(content, "syntax");
    }
    refused("<id a=\"1\" a=\"2\"/>", "duplicate_key");
    refused("<id xmlns:a=\"u\" xmlns:b=\"u\" a:c=\"1\" b:c=\"2\"/>", "duplicate_key");
    refused("<id xmlns:a=\"1\" xmlns:a=\"2\"/>", "duplicate_key");
    refused("&x;", "entity");
    refused(&format!("&{};", "x".repeat(100)), "entity");
    refused("&#xd800;", "surrogate");
    refused("&#0;", "nul");
    refused("\u{0}", "nul");
    refused("<!DOCTYPE a>", "doctype");
}

#[test]
fn a_declaration_stands_first_and_says_what_is_read() {
    let read = |head: &str| to_json(format!("{head}{}", order("")).as_bytes(), &DOCUMENT, &Limits::GATEWAY).map(|_| ());
    for head in [
        "\u{feff}",
        "\u{feff}<?xml version=\"1.0\"?>",
        "<?xml version='1.0' encoding='utf-8' standalone='no' ?>\n<!-- a -->\n",
        "<?xml version = \"1.0\" standalone=\"yes\"?>",
    ] {
        assert_eq!(read(head), Ok(()), "{head}");
    }
    for (head, code) in [
        (" <?xml version=\"1.0\"?>", "syntax"),
        ("<?xml?>", "syntax"),
        ("<?xml version=\"1.1\"?>", "syntax"),
        ("<?xml version=\"1.0\">", "syntax"),
        ("<?xml encoding=\"UTF-8\"?>", "syntax"),
        ("<?xml version=\"1.0\" standalone=\"perhaps\"?>", "syntax"),
        ("<?xml version=\"1.0\"encoding=\"UTF-8\"?>", "syntax"),
        ("<?xml version=\"1.0\" encoding=\"UTF-16\"?>", "utf8"),
        ("text", "syntax"),
        ("<?a?>", "syntax"),
        ("<!DOCTYPE a>", "doctype"),
    ] {
        assert_eq!(read(head).map_err(|unreadable| unreadable.code), Err(code), "{head}");
    }
    for (document, code) in [
        ("", "syntax"),
        ("<order/>", "root_element"),
        ("<order xmlns=\"urn:x\"/>", "root_element"),
        ("<a xmlns=\"urn:o\"/>", "root_element"),
        ("<o:order/>", "syntax"),
        ("<order xmlns=\"urn:o\"/>x", "syntax"),
    ] {
        let found = to_json(document.as_bytes(), &DOCUMENT, &Limits::GATEWAY);
        assert_eq!(found.map_err(|unreadable| unreadable.code), Err(code), "{document}");
    }
    assert!(to_json(b"<order xmlns=\"urn:o\"/>", &DOCUMENT, &Limits::GATEWAY).is_ok());
    assert_eq!(to_json(b"\xff\xfe<\0", &DOCUMENT, &Limits::GATEWAY).map_err(|unreadable| unreadable.code), Err("utf8"));
}

#[test]
fn answers_are_written_in_the_order_of_the_table() {
    let json = br#"{"count":2,"id":"<a> & \"b\"\r\u0001","lines":[{"count":1.50,"name":"n"},{}],"more":["x",null,true],"other":{"z":1}}"#;
    let xml = String::from_utf8(from_json(json, &DOCUMENT)).unwrap();
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<o:order xmlns:o=\"urn:o\"><id>&lt;a&gt; &amp; \"b\"&#13;\u{fffd}</id><count>2</count>\
                    <lines><name>n</name><count>1.50</count></lines><lines></lines><more>x</more><more></more><more>true</more><other><z>1</z></other></o:order>";
    assert_eq!(xml, expected);
}
