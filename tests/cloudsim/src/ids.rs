//! Identifiers that look random and are the same in every run.

/// A counter, scrambled. It is never reset, so that a thing made after a reset has no id of one before it.
#[derive(Debug, Default)]
pub struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        // splitmix64: a bijection, so no two results of one run are equal.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 16 hexadecimal digits.
    pub fn hex16(&mut self) -> String {
        format!("{:016x}", self.next())
    }

    /// 32 hexadecimal digits.
    pub fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// An id in EC2's form: `sg-0123456789abcdef0`.
    pub fn ec2(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex16())
    }

    /// A UUID's form.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex32();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
    }

    /// A positive number below 10^19, as load balancers and deployments carry it.
    pub fn number(&mut self) -> u64 {
        self.next() >> 1
    }
}
