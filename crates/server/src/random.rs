//! Random bytes from the operating system, fetched a few hundred at a time: a request needs several ids and a salt, and a
//! system call for each would cost more than the hashing they are for.

use std::cell::RefCell;

const BUFFER_BYTES: usize = 512;

struct Buffer {
    bytes: [u8; BUFFER_BYTES],
    used: usize,
}

thread_local! {
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer { bytes: [0; BUFFER_BYTES], used: BUFFER_BYTES }) };
}

/// Fills `wanted`. What was handed out is wiped here, so no later reader of this memory can tell a salt or an id.
pub(crate) fn fill(wanted: &mut [u8]) {
    if wanted.len() > BUFFER_BYTES {
        return fetch(wanted);
    }
    BUFFER.with_borrow_mut(|buffer| {
        if BUFFER_BYTES - buffer.used < wanted.len() {
            fetch(&mut buffer.bytes);
            buffer.used = 0;
        }
        let next = &mut buffer.bytes[buffer.used..buffer.used + wanted.len()];
        wanted.copy_from_slice(next);
        next.fill(0);
        buffer.used += wanted.len();
    });
}

fn fetch(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has randomness once it has started");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::fill;

    #[test]
    fn no_bytes_are_handed_out_twice() {
        let mut seen = HashSet::new();
        for length in [16, 32, 33, 1000].into_iter().cycle().take(400) {
            let mut bytes = vec![0; length];
            fill(&mut bytes);
            assert!(seen.insert(bytes[..16].to_vec()));
            assert!(bytes[length - 16..].iter().any(|&byte| byte != 0));
        }
    }
}
