//! One integration binary: every link costs.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod sandboxed;
