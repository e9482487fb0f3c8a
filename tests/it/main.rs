//! One integration binary: every link costs.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod crashed_rollout;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod custom;
#[cfg(test)]
mod delegated;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod denied_rollout;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod docs;
mod doctor;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod exempting;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod first_day;
#[cfg(test)]
mod frameworks;
#[cfg(test)]
mod from_kept;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod gone;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod help;
#[cfg(test)]
mod html_pages;
#[cfg(test)]
mod in_process;
#[cfg(test)]
mod installed;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod least_doctor;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lockout;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod monitoring;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod org_file;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod policy_witness;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod references;
#[cfg(test)]
mod replaced;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod resources;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod rollout;
#[cfg(test)]
mod sandboxed;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod shards;
#[cfg(test)]
mod streamed;
#[cfg(test)]
mod trail_buckets;
#[cfg(test)]
mod watchers;
#[cfg(test)]
mod waves;
