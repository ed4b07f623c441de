//! The sizes that Fargate sells.

/// CPU units (1024 are one virtual CPU) with the smallest and largest memory and the step between, in MiB.
/// From "Task CPU and memory" in the Amazon ECS Developer Guide.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2_048, 1_024),
    (512, 1_024, 4_096, 1_024),
    (1_024, 2_048, 8_192, 1_024),
    (2_048, 4_096, 16_384, 1_024),
    (4_096, 8_192, 30_720, 1_024),
    (8_192, 16_384, 61_440, 4_096),
    (16_384, 32_768, 122_880, 8_192),
];

/// A pair that Fargate takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
}

impl Size {
    /// The smallest size that has at least this much of both; none where Fargate has nothing that large.
    pub fn at_least(cpu: Option<u32>, memory: Option<u32>) -> Option<Self> {
        let (cpu, memory) = (cpu.unwrap_or(0), memory.unwrap_or(0));
        SIZES.iter().filter(|size| size.0 >= cpu).find_map(|&(units, least, most, step)| {
            let fitting = round_up(memory, least, step);
            (fitting <= most).then_some(Self { cpu: units, memory: fitting })
        })
    }
}

/// The smallest step from `least` on that holds `wanted`. The first size also sells 1024 MiB after 512: its step
/// of 1024 is counted from zero, as all others' are.
fn round_up(wanted: u32, least: u32, step: u32) -> u32 {
    if wanted <= least { least } else { wanted.div_ceil(step).saturating_mul(step) }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} CPU units and {} MiB", self.cpu, self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_memory_are_rounded_up_to_the_next_pair_that_fargate_sells() {
        for (cpu, memory, expected) in [
            (None, None, Some((256, 512))),
            (Some(10), Some(250), Some((256, 512))),
            (Some(256), Some(513), Some((256, 1_024))),
            (None, Some(1_025), Some((256, 2_048))),
            (None, Some(2_049), Some((512, 3_072))),
            (Some(300), None, Some((512, 1_024))),
            (Some(1_024), Some(512), Some((1_024, 2_048))),
            (Some(4_096), Some(30_720), Some((4_096, 30_720))),
            (Some(4_096), Some(30_721), Some((8_192, 32_768))),
            (Some(8_192), Some(17_000), Some((8_192, 20_480))),
            (Some(16_384), Some(122_880), Some((16_384, 122_880))),
            (Some(16_385), None, None),
            (None, Some(122_881), None),
        ] {
            let size = Size::at_least(cpu, memory).map(|size| (size.cpu, size.memory));
            assert_eq!(size, expected, "{cpu:?} {memory:?}");
        }
    }
}
