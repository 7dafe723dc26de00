//! Where in a document the reader is. Steps live on the stack and become a JSON Pointer only when something is reported.

use std::fmt::Write as _;

/// Longest member name that a pointer repeats in full, in bytes: a hostile name must not fill the answer.
const NAME_BYTES_MAX: usize = 128;

/// A place in the document being read: a step below a parent place.
#[derive(Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    Item(usize),
}

impl<'p> Path<'p> {
    /// The whole document.
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    /// The member `name` of the object at this place.
    #[inline(always)]
    pub fn member(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Member(name) }
    }

    /// The item at `index` of the array at this place.
    #[inline(always)]
    pub fn item(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Item(index) }
    }

    /// The JSON Pointer (RFC 6901) of this place. Member names over 128 bytes are cut and end in `…`.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(pointer);
        }
        match self.step {
            Step::Root => {}
            Step::Item(index) => {
                let _ = write!(pointer, "/{index}");
            }
            Step::Member(name) => {
                pointer.push('/');
                let cut = name.len() > NAME_BYTES_MAX;
                let shown = if cut { &name[..name.floor_char_boundary(NAME_BYTES_MAX)] } else { name };
                for character in shown.chars() {
                    match character {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        other => pointer.push(other),
                    }
                }
                if cut {
                    pointer.push('…');
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Path;

    #[test]
    fn a_pointer_escapes_tilde_and_slash_and_counts_items() {
        let object = Path::ROOT.member("a~b/c");
        let item = object.item(3);
        assert_eq!(item.member("d").pointer(), "/a~0b~1c/3/d");
        assert_eq!(Path::ROOT.pointer(), "");
    }

    #[test]
    fn a_long_name_is_cut_one_past_the_limit() {
        let (at, past) = ("n".repeat(128), "n".repeat(129));
        assert_eq!(Path::ROOT.member(&at).pointer(), format!("/{at}"));
        assert_eq!(Path::ROOT.member(&past).pointer(), format!("/{at}…"));
    }
}
