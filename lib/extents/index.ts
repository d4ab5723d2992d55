// The extents tier's door: placement of extents on sources, with LVM's semantics and some options that LVM does not have.
export { allocate } from './allocate.js';
export { explain, type Explanation, type SourceExplanation } from './explain.js';
export type { FailureReason } from './failures.js';
export { demandFor, mirrorLogExtents, raidMetadataExtents, type ExtentGeometry, type VolumeDemand, type VolumeSpec } from './metadata-size.js';
export { normalise } from './normalise.js';
export { plan, type MovableSegments, type Move, type MovePlan, type PlanGoal } from './plan.js';
export type { AllocationPolicy, PolicyContext, Ties } from './policies/policy.js';
export { PolicyRegistry, lvmPolicies } from './policies/registry.js';
export { extend, free, previousOf, reserve } from './reserve.js';
export { areaMultipleOf, dataAreasOf, parityAreasOf, segmentTypes, type SegmentType } from './segment-kinds.js';
export { segmentsOf, type Extents, type SegmentList } from './segments.js';
export { MAX_STRIPES, checkFree, checkStripes, moveTargets, percentOf, roundToStripes, sharedSources, type PercentBase, type PercentSize } from './sizes.js';
export { toSVG, type PictureOptions } from './svg.js';
export type * from './types.js';
