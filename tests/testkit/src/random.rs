//! Random numbers that are the same again on every run of a seed.

/// The seed of every random test. The seed of the day would find more, but a failure must be there again on the next run.
pub fn seed() -> u64 {
    std::env::var("USHER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x75_73_68_65_72)
}

/// Numbers without a pattern a reader could know (xorshift64*), the same on every run of a seed, which must not be 0.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The numbers of the run with this number: near seeds give far numbers, and none of them is 0.
    pub fn of_run(run: u64) -> Self {
        let mut mixed = run.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Random((mixed ^ (mixed >> 31)).max(1))
    }

    /// Any number.
    #[allow(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }
}
