//! The kernels of a plan: source written, compiled or found in the cache, all stages at once.

use std::sync::Arc;

use parking_lot::Mutex;

use super::first::pick_request;
use super::learned::Learned;
use super::sort::sort_request;
use super::texts::kernel_requests;
use crate::codegen::{Kernel, generate};
use crate::device::{CodeOrigin, CompiledKernel, DeviceHandle, KernelRequest};
use crate::error::Result;
use crate::ir::Pipeline;
use crate::strategy::{Cuts, OutputColumn, QueryPlan};

/// The kernel of one stage.
#[derive(Clone, Debug)]
pub struct StageKernel {
    pub kernel: Kernel,
    pub compiled: CompiledKernel,
}

/// The kernels of the last run of a plan. A pipeline that comes out the same needs no source written: what its source would
/// be hangs on it alone.
#[derive(Debug, Default)]
pub struct KnownKernels(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    kernels: Vec<(Pipeline, StageKernel)>,
    in_parts: bool,
    cuts: Cuts,
    learned: Learned,
}

impl KnownKernels {
    /// The kernels of `plan`, if all of them are known.
    pub fn of(&self, plan: &QueryPlan) -> Option<Vec<StageKernel>> {
        let known = &self.0.lock().kernels;
        let is_same = known.len() == plan.stages.len()
            && known.iter().zip(&plan.stages).all(|((pipeline, _), stage)| *pipeline == stage.pipeline);
        is_same.then(|| known.iter().map(|(_, kernel)| kernel.found_again()).collect())
    }

    pub fn keep(&self, plan: &QueryPlan, kernels: &[StageKernel]) {
        let pipelines = plan.stages.iter().map(|stage| stage.pipeline.clone());
        let kernels = pipelines.zip(kernels.iter().cloned()).collect();
        *self.0.lock() = Known { kernels, in_parts: plan.parts, cuts: plan.cuts, learned: Learned::default() };
    }

    /// What runs with these kernels found out.
    pub fn learned(&self) -> Learned {
        self.0.lock().learned.clone()
    }

    pub fn learn(&self, learned: Learned) {
        self.0.lock().learned = learned;
    }

    /// Whether the last run had to hold tables in parts, and where stages were cut: the next one need not find that out.
    pub fn were_in_parts(&self) -> (bool, Cuts) {
        let known = self.0.lock();
        (known.in_parts, known.cuts)
    }
}

impl StageKernel {
    fn found_again(&self) -> Self {
        let mut known = self.clone();
        known.compiled.origin = CodeOrigin::Memory;
        known
    }
}

/// Writes and compiles the kernels of every stage.
pub fn compile_stages(handle: &DeviceHandle, plan: &QueryPlan) -> Result<Vec<StageKernel>> {
    let kernels: Vec<Kernel> = plan.stages.iter().map(|stage| generate(&stage.pipeline)).collect();
    let mut requests: Vec<KernelRequest> = kernels.iter().map(request).collect();
    // Those that gather texts are compiled beside the stages', and found when the first rows are there.
    if plan.output.iter().any(OutputColumn::is_reference) {
        requests.extend(kernel_requests());
    }
    requests.extend(plan.sort.as_ref().map(|_| sort_request()));
    requests.extend((plan.first.is_some() || plan.sort.is_some()).then(pick_request));
    let found = handle.kernels(&requests)?;
    Ok(kernels.into_iter().zip(found).map(|(kernel, compiled)| StageKernel { kernel, compiled }).collect())
}

fn request(kernel: &Kernel) -> KernelRequest {
    KernelRequest { entry: kernel.entry.clone(), source: Arc::from(kernel.source.as_str()), sync: kernel.sync }
}
