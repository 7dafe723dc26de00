//! Reading the members of a record: names are predicted in the order of the schema, looked up otherwise, and never taken
//! twice; what the contract does not name is kept, warned of or refused as the mode says.

use std::borrow::Cow;

use crate::json::{Json, Unknown};
use crate::path::Path;
use crate::reader::{Kind, Mode, Read, Reader, Stop};

/// What [`Reader::member`] returns after the last member.
pub const END: usize = usize::MAX;

/// What [`Reader::member_or_other`] returns for a member that has no name in the schema; [`Members::other`] is its name.
pub const OTHER: usize = usize::MAX - 1;

/// The members of a record type, in the order of the schema. `W` words of bits are enough for one bit each.
pub struct Names<const W: usize> {
    /// The subschema the record comes from.
    pub schema: &'static str,
    /// Member names in the order of the schema; all are plain, that is, their JSON text is the name itself.
    pub names: &'static [&'static str],
    /// Finds the index of a name that was not predicted.
    pub find: fn(&str) -> Option<usize>,
    /// One bit for each required member.
    pub required: [u64; W],
}

/// The state of a record being read.
pub struct Members<'a, const W: usize> {
    seen: [u64; W],
    predicted: usize,
    first: bool,
    names: Vec<Cow<'a, str>>,
    /// The members that the schema does not name.
    pub unknown: Unknown,
    /// The name of the member that [`OTHER`] stands for.
    pub other: Cow<'a, str>,
}

impl<const W: usize> Members<'_, W> {
    /// Whether the member `index` was there, be it right or wrong.
    #[inline(always)]
    pub fn has(&self, index: usize) -> bool {
        self.seen[index / 64] >> (index % 64) & 1 == 1
    }

    /// How many members there were.
    pub fn count(&self) -> usize {
        self.seen.iter().map(|word| word.count_ones() as usize).sum::<usize>() + self.names.len()
    }
}

impl<'a> Reader<'a> {
    /// Opens the object at the cursor, or records that there is none. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline(always)]
    pub fn object<const W: usize>(&mut self, at: &Path<'_>, names: &Names<W>) -> Read<Members<'a, W>> {
        if self.kind()? == Kind::Object {
            return self.open_members().map(Some);
        }
        self.wrong_type(at, names.schema, "object")?;
        Ok(None)
    }

    /// Opens the object on whose brace the cursor stands. Used by generated code.
    ///
    /// # Errors
    /// Stops when it is nested too deep.
    #[inline(always)]
    pub fn open_members<const W: usize>(&mut self) -> Result<Members<'a, W>, Stop> {
        self.descend()?;
        Ok(Members {
            seen: [0; W],
            predicted: 0,
            first: true,
            names: Vec::new(),
            unknown: Unknown::default(),
            other: Cow::Borrowed(""),
        })
    }

    /// Moves to the value of the next member that the schema names and returns its index, or [`END`].
    ///
    /// # Errors
    /// Stops at a fault of the syntax, and at a name that stands twice where that is refused.
    #[inline(always)]
    pub fn member<const W: usize>(
        &mut self,
        members: &mut Members<'a, W>,
        at: &Path<'_>,
        names: &Names<W>,
    ) -> Result<usize, Stop> {
        loop {
            match self.member_or_other(members, names)? {
                OTHER => self.unknown_member(members, at, names.schema)?,
                index => return Ok(index),
            }
        }
    }

    /// Like [`Reader::member`], but returns [`OTHER`] at a member that the schema does not name.
    ///
    /// # Errors
    /// Stops at a fault of the syntax, and at a name that stands twice where that is refused.
    #[inline(always)]
    pub fn member_or_other<const W: usize>(
        &mut self,
        members: &mut Members<'a, W>,
        names: &Names<W>,
    ) -> Result<usize, Stop> {
        let first = std::mem::replace(&mut members.first, false);
        if !self.next_member(first)? {
            if !members.names.is_empty() {
                self.close_members(members)?;
            }
            return Ok(END);
        }
        let index = match self.predict(members.predicted, names.names) {
            Some(index) => index,
            None => {
                let name = self.member_name()?;
                match (names.find)(&name) {
                    Some(index) => index,
                    None => {
                        members.names.push(name.clone());
                        members.other = name;
                        return Ok(OTHER);
                    }
                }
            }
        };
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        if members.seen[word] & bit != 0 && self.limits.refuse_duplicates {
            return self.duplicate();
        }
        members.seen[word] |= bit;
        members.predicted = index + 1;
        Ok(index)
    }

    /// Takes the member that follows in the schema, if its plain text and colon stand at the cursor.
    #[inline(always)]
    fn predict(&mut self, predicted: usize, names: &[&'static str]) -> Option<usize> {
        let name = names.get(predicted)?.as_bytes();
        let rest = &self.bytes()[self.at + 1..];
        let after = rest.get(name.len()..name.len() + 2)?;
        if &rest[..name.len()] == name && after == b"\":" {
            self.at += name.len() + 3;
            return Some(predicted);
        }
        None
    }

    /// Takes a member that the schema does not name, as the mode says. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[cold]
    #[inline(never)]
    pub fn unknown_member<const W: usize>(
        &mut self,
        members: &mut Members<'a, W>,
        at: &Path<'_>,
        schema: &'static str,
    ) -> Result<(), Stop> {
        if self.again {
            return self.skip();
        }
        let place = at.member(&members.other);
        match self.mode {
            Mode::Strict => {
                self.violate(&place, schema, "unknown_member", "unknown_member", "is no member of this object", None);
                return self.skip();
            }
            Mode::Tolerant => {
                self.warn(&place, "unknown_member", "is no member of this object; it was kept and not read")
            }
            Mode::Answer => {}
        }
        let json = Json::read(self)?;
        members.unknown.push(members.other.to_string(), json);
        Ok(())
    }

    /// Like [`Reader::member`], for an object that its schema closes: another member is a violation in every mode.
    ///
    /// # Errors
    /// Stops at a fault of the syntax, and at a name that stands twice where that is refused.
    pub fn member_of_closed<const W: usize>(
        &mut self,
        members: &mut Members<'a, W>,
        at: &Path<'_>,
        names: &Names<W>,
    ) -> Result<usize, Stop> {
        loop {
            let index = self.member_or_other(members, names)?;
            if index != OTHER {
                return Ok(index);
            }
            let place = at.member(&members.other);
            let message = "is no member of this object";
            self.violate(&place, names.schema, "additionalProperties", "unknown_member", message, None);
            self.skip()?;
        }
    }

    /// Like [`Reader::member`], for an object whose schema describes members under other names too: they are kept.
    ///
    /// # Errors
    /// Stops at a fault of the syntax, and at a name that stands twice where that is refused.
    pub fn member_of_described<const W: usize>(
        &mut self,
        members: &mut Members<'a, W>,
        names: &Names<W>,
    ) -> Result<usize, Stop> {
        loop {
            let index = self.member_or_other(members, names)?;
            if index != OTHER {
                return Ok(index);
            }
            let json = Json::read(self)?;
            members.unknown.push(members.other.to_string(), json);
        }
    }

    /// Keeps a member that the schema requires without describing it. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    pub fn keep_member<const W: usize>(&mut self, members: &mut Members<'a, W>, name: &str) -> Result<(), Stop> {
        let json = Json::read(self)?;
        members.unknown.push(name.to_owned(), json);
        members.unknown.sort();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn duplicate<T>(&mut self) -> Result<T, Stop> {
        self.stop_at(self.at - 1, "duplicate_key", "a member name stands twice in this object")
    }

    #[cold]
    #[inline(never)]
    fn close_members<const W: usize>(&mut self, members: &mut Members<'a, W>) -> Result<(), Stop> {
        members.unknown.sort();
        if self.limits.refuse_duplicates {
            members.names.sort_unstable();
            if members.names.windows(2).any(|pair| pair[0] == pair[1]) {
                return self.duplicate();
            }
        }
        Ok(())
    }

    /// Records each required member that was not there, in the order of the schema. Used by generated code.
    #[inline(always)]
    pub fn require<const W: usize>(&mut self, members: &Members<'a, W>, at: &Path<'_>, names: &Names<W>) {
        for word in 0..W {
            if names.required[word] & !members.seen[word] != 0 {
                self.missing_members(members, at, names, word);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn missing_members<const W: usize>(
        &mut self,
        members: &Members<'a, W>,
        at: &Path<'_>,
        names: &Names<W>,
        word: usize,
    ) {
        let mut missing = names.required[word] & !members.seen[word];
        while missing != 0 {
            let index = word * 64 + missing.trailing_zeros() as usize;
            missing &= missing - 1;
            self.missing(at, names.schema, "required", names.names[index]);
        }
    }

    /// Records that the member `name` of the object at `at` is missing. Used by generated code.
    #[cold]
    #[inline(never)]
    pub fn missing(&mut self, at: &Path<'_>, schema: &'static str, keyword: &'static str, name: &'static str) {
        self.violate(&at.member(name), schema, keyword, "required", "is required", None);
    }

    /// The value of the constant member that tells the variants of a union apart, wherever it stands in the object. None
    /// when there is no object or no such member: that is recorded, and the value is stepped over. The cursor otherwise
    /// stays before the object. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[inline]
    pub fn tag(&mut self, at: &Path<'_>, schema: &'static str, name: &'static str) -> Read<Cow<'a, str>> {
        if self.kind()? != Kind::Object {
            self.wrong_type(at, schema, "object")?;
            return Ok(None);
        }
        let start = self.at;
        let mut object = self.open_object()?;
        while let Some(member) = self.any_member(&mut object)? {
            if member != name {
                self.skip()?;
                continue;
            }
            if self.kind()? == Kind::Text {
                let tag = self.text_token()?;
                self.rewind(start, &object);
                return Ok(Some(tag));
            }
            self.wrong_type(&at.member(name), schema, "string")?;
            self.rewind(start, &object);
            self.skip()?;
            return Ok(None);
        }
        self.missing(at, schema, "required", name);
        Ok(None)
    }

    /// Records that no variant of a union has this tag, and steps over the object; an answer from a newer version is kept.
    /// Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[cold]
    #[inline(never)]
    pub fn unknown_tag(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        name: &'static str,
        limit: &'static str,
    ) -> Read<Json> {
        if self.mode == Mode::Answer && !self.is_quiet() {
            return Json::read_any(self);
        }
        self.wrong_tag(at, schema, name, limit)
    }

    /// Records that no variant of a union has this tag, and steps over the object. Used by generated code.
    ///
    /// # Errors
    /// Stops at a fault of the syntax.
    #[cold]
    #[inline(never)]
    pub fn wrong_tag<T>(
        &mut self,
        at: &Path<'_>,
        schema: &'static str,
        name: &'static str,
        limit: &'static str,
    ) -> Read<T> {
        self.violate(&at.member(name), schema, "enum", "enum", "must be one of the allowed values", Some(limit.into()));
        self.skip()?;
        Ok(None)
    }
}
