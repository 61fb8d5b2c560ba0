//! The kernels of a plan: text written, compiled or found in the cache, all stages at once.

use std::sync::Arc;

use crate::codegen::{Kernel, generate};
use crate::device::{CompiledKernel, DeviceHandle, KernelRequest};
use crate::error::Result;
use crate::strategy::QueryPlan;

/// The kernel of one stage.
#[derive(Clone, Debug)]
pub struct StageKernel {
    pub kernel: Kernel,
    pub compiled: CompiledKernel,
}

/// Writes and compiles the kernels of every stage.
pub fn compile_stages(handle: &DeviceHandle, plan: &QueryPlan) -> Result<Vec<StageKernel>> {
    let kernels: Vec<Kernel> = plan.stages.iter().map(|stage| generate(&stage.pipeline)).collect();
    let requests: Vec<KernelRequest> = kernels.iter().map(request).collect();
    let compiled = handle.kernels(&requests)?;
    Ok(kernels.into_iter().zip(compiled).map(|(kernel, compiled)| StageKernel { kernel, compiled }).collect())
}

fn request(kernel: &Kernel) -> KernelRequest {
    KernelRequest { entry: kernel.entry.clone(), source: Arc::from(kernel.source.as_str()), sync: kernel.sync }
}
