//! The inner loops of the readers: to the end of a run of white space, of the plain part of a string, and of character data
//! in XML that needs no look.
//! Sixteen bytes at a time where the processor has SSE2 (every x86-64 has it), one at a time elsewhere and at the end.
//! The only `unsafe` of this crate is here: unaligned loads of sixteen bytes that were checked to exist.

/// The index of the first byte at or after `from` that is not JSON white space; the length when there is none.
#[inline(always)]
pub(crate) fn skip_space(bytes: &[u8], from: usize) -> usize {
    match bytes.get(from) {
        // Compact documents have no white space at all, and all of it is at or below the blank.
        Some(&byte) if byte > b' ' => from,
        Some(_) => skip_space_run(bytes, from),
        None => from,
    }
}

/// The index of the first byte at or after `from` that ends the plain part of a string: a quote, a backslash or a control
/// character; the length when there is none.
#[inline(always)]
pub(crate) fn plain_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    #[cfg(target_arch = "x86_64")]
    while let Some(chunk) = sse2::chunk(bytes, at) {
        let mask = sse2::string_stops(chunk);
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < b' ' {
            break;
        }
        at += 1;
    }
    at
}

/// The index of the first byte at or after `from` that character data of XML cannot hold unseen: markup, references, `]`,
/// control characters, and the lead byte of U+FFFE; the length when there is none.
#[inline(always)]
pub(crate) fn markup_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    #[cfg(target_arch = "x86_64")]
    while let Some(chunk) = sse2::chunk(bytes, at) {
        let mask = sse2::markup_stops(chunk);
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(&byte) = bytes.get(at) {
        if matches!(byte, b'<' | b'&' | b']' | 0xef) || byte < b' ' {
            break;
        }
        at += 1;
    }
    at
}

#[inline]
fn skip_space_run(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    #[cfg(target_arch = "x86_64")]
    while let Some(chunk) = sse2::chunk(bytes, at) {
        let mask = sse2::not_space(chunk);
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    /// The sixteen bytes from `at`, if there are as many.
    #[inline(always)]
    pub(super) fn chunk(bytes: &[u8], at: usize) -> Option<__m128i> {
        let chunk: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
        // SAFETY: `chunk` is sixteen readable bytes, `loadu` asks for no alignment, and x86-64 always has SSE2.
        Some(unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) })
    }

    /// One bit per byte that is a quote, a backslash or below the blank.
    #[inline(always)]
    pub(super) fn string_stops(chunk: __m128i) -> u32 {
        // SAFETY: register-only instructions of SSE2, which x86-64 always has.
        unsafe {
            let quote = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(b'"' as i8));
            let backslash = _mm_cmpeq_epi8(chunk, _mm_set1_epi8(b'\\' as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) as u32
        }
    }

    /// One bit per byte that is `<`, `&`, `]`, 0xef or below the blank.
    #[inline(always)]
    pub(super) fn markup_stops(chunk: __m128i) -> u32 {
        // SAFETY: register-only instructions of SSE2, which x86-64 always has.
        unsafe {
            let is = |byte: u8| _mm_cmpeq_epi8(chunk, _mm_set1_epi8(byte as i8));
            let markup = _mm_or_si128(_mm_or_si128(is(b'<'), is(b'&')), _mm_or_si128(is(b']'), is(0xef)));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(chunk, _mm_set1_epi8(0x1f)), chunk);
            _mm_movemask_epi8(_mm_or_si128(markup, control)) as u32
        }
    }

    /// One bit per byte that is not JSON white space.
    #[inline(always)]
    pub(super) fn not_space(chunk: __m128i) -> u32 {
        // SAFETY: register-only instructions of SSE2, which x86-64 always has.
        unsafe {
            let is = |byte: u8| _mm_cmpeq_epi8(chunk, _mm_set1_epi8(byte as i8));
            let space = _mm_or_si128(_mm_or_si128(is(b' '), is(b'\n')), _mm_or_si128(is(b'\r'), is(b'\t')));
            !(_mm_movemask_epi8(space) as u32) & 0xffff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{markup_end, plain_end, skip_space};

    #[test]
    fn white_space_ends_at_every_offset_of_a_chunk() {
        for length in 0..40 {
            let mut bytes = vec![b' '; length];
            assert_eq!(skip_space(&bytes, 0), length);
            bytes.push(b'x');
            bytes.extend([b' '; 20]);
            assert_eq!(skip_space(&bytes, 0), length);
        }
        // Control characters are not white space, although they are below the blank.
        assert_eq!(skip_space(b" \x0b", 0), 1);
    }

    #[test]
    fn every_stop_byte_is_found_at_every_offset_of_a_chunk() {
        for stop in (0u8..0x20).chain([b'"', b'\\']) {
            for length in 0..40 {
                let mut bytes = "é".repeat(length).into_bytes();
                let end = bytes.len();
                assert_eq!(plain_end(&bytes, 0), end);
                bytes.push(stop);
                bytes.extend([b'z'; 20]);
                assert_eq!(plain_end(&bytes, 0), end);
            }
        }
    }
    #[test]
    fn every_stop_byte_of_character_data_is_found_at_every_offset_of_a_chunk() {
        for stop in (0u8..0x20).chain([b'<', b'&', b']', 0xef]) {
            for length in 0..40 {
                let mut bytes = "é".repeat(length).into_bytes();
                let end = bytes.len();
                assert_eq!(markup_end(&bytes, 0), end);
                bytes.push(stop);
                bytes.extend([b'z'; 20]);
                assert_eq!(markup_end(&bytes, 0), end);
            }
        }
    }
}
