//! The kernels of a plan: source written, compiled or found in the cache, all stages at once.

use std::sync::Arc;

use super::texts::kernel_requests;
use crate::codegen::{Kernel, generate};
use crate::device::{CompiledKernel, DeviceHandle, KernelRequest};
use crate::error::Result;
use crate::strategy::{OutputColumn, QueryPlan};

/// The kernel of one stage.
#[derive(Clone, Debug)]
pub struct StageKernel {
    pub kernel: Kernel,
    pub compiled: CompiledKernel,
}

/// Writes and compiles the kernels of every stage.
pub fn compile_stages(handle: &DeviceHandle, plan: &QueryPlan) -> Result<Vec<StageKernel>> {
    let kernels: Vec<Kernel> = plan.stages.iter().map(|stage| generate(&stage.pipeline)).collect();
    let mut requests: Vec<KernelRequest> = kernels.iter().map(request).collect();
    // Those that gather texts are compiled beside the stages', and found when the first rows are there.
    if plan.output.iter().any(OutputColumn::is_reference) {
        requests.extend(kernel_requests());
    }
    let compiled = handle.kernels(&requests)?;
    Ok(kernels.into_iter().zip(compiled).map(|(kernel, compiled)| StageKernel { kernel, compiled }).collect())
}

fn request(kernel: &Kernel) -> KernelRequest {
    KernelRequest { entry: kernel.entry.clone(), source: Arc::from(kernel.source.as_str()), sync: kernel.sync }
}
