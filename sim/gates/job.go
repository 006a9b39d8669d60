package gates

// JobController is what the Job controller does, and the API server about Jobs. Where nothing else is said the source is
// pkg/controller/job/job_controller.go.
type JobController struct {
	// FailurePolicy, ReplacementPolicy, LimitPerIndex, SuccessPolicy and ManagedBy: the fields of a Job are kept and obeyed; else they
	// are dropped on create. pkg/registry/batch/job/strategy.go: PrepareForCreate.
	FailurePolicy, ReplacementPolicy, LimitPerIndex, SuccessPolicy, ManagedBy bool
	// CountsReady: status.ready is kept (JobReadyPods, on by default in all releases).
	CountsReady bool
	// CountsTerminating: status.terminating is kept (JobPodReplacementPolicy).
	CountsTerminating bool
	// WritesTerminating: the status is written when nothing but that count is new. job_controller.go: syncJob, which up to 1.28 compares the
	// new count with itself.
	WritesTerminating bool
	// DelaysEnd: a Job whose end is certain says so by SuccessCriteriaMet or FailureTarget, and becomes Complete or Failed once no Pod of
	// it runs any more. delayTerminalCondition, 1.31.
	DelaysEnd bool
	// SaysWhyComplete: Complete has the reason CompletionsReached. newSuccessCondition, 1.31 (JobSuccessPolicy).
	SaysWhyComplete bool
	// CountsDeletedAtOnce: Pods that a sync deletes leave the number of ready ones, and join the terminating, in the status of the
	// same sync. syncJob, manageJob, 1.31.
	CountsDeletedAtOnce bool
	// SidecarsEndLast: the back-off counts from the end of the last container, sidecars included; else of the last main.
	// backoff_utils.go: getFinishTimeFromContainers, 1.31 (SidecarContainers).
	SidecarsEndLast bool
	// ShowsNoneInBackOff: while new Pods are put off, the status says that none is active. manageJob, up to 1.36.1.
	ShowsNoneInBackOff bool
	// RefusesReadyBeyondActive: the API server refuses a status with more ready Pods than active ones.
	// pkg/apis/batch/validation/validation.go: ValidateJobUpdateStatus, 1.31 (JobManagedBy).
	RefusesReadyBeyondActive bool
	// RefusesEndWithoutStart: the API server refuses a status that finishes a Job that has no startTime; a Job that was suspended has none, where
	// that is forgotten, and never finishes. ValidateJobUpdateStatus, 1.30 (JobManagedBy).
	RefusesEndWithoutStart bool
	// SidecarRestartsRank: of two Pods that could go, the one whose sidecars restarted more often goes first, if all else is equal.
	// pkg/controller/controller_utils.go: compareMaxContainerRestarts, 1.32.
	SidecarRestartsRank bool
	// ForgetsStartOnSuspend: a Job that is suspended loses its startTime. syncJob, 1.35
	// (MutableSchedulingDirectivesForSuspendedJobs).
	ForgetsStartOnSuspend bool
	// AwaitsOwnWrites: a sync fails if the controller has not seen yet what its last one wrote. syncJob, 1.36
	// (StaleControllerConsistencyJob).
	AwaitsOwnWrites bool
}

func jobController(c Component) JobController {
	r := c.Release
	replacement, managed := c.On(jobPodReplacementPolicy), c.On(jobManagedBy)
	return JobController{
		FailurePolicy:            c.On(jobPodFailurePolicy),
		ReplacementPolicy:        replacement,
		LimitPerIndex:            c.On(jobBackoffLimitPerIndex),
		SuccessPolicy:            c.On(jobSuccessPolicy),
		ManagedBy:                managed,
		CountsReady:              c.On(jobReadyPods),
		CountsTerminating:        replacement,
		WritesTerminating:        r.Minor >= 29,
		DelaysEnd:                r.Minor >= 31 && (managed || replacement),
		SaysWhyComplete:          r.Minor >= 31 && c.On(jobSuccessPolicy),
		CountsDeletedAtOnce:      r.Minor >= 31,
		SidecarsEndLast:          r.Minor >= 31 && c.On(SidecarContainers),
		ShowsNoneInBackOff:       !r.since(Release{36, 2}),
		RefusesReadyBeyondActive: r.Minor >= 31 && managed,
		RefusesEndWithoutStart:   r.Minor >= 30 && managed,
		SidecarRestartsRank:      r.Minor >= 32,
		ForgetsStartOnSuspend:    c.On(mutableSchedulingDirectives),
		AwaitsOwnWrites:          c.On(staleControllerConsistencyJob),
	}
}

func (j *JobController) behaviours() []Behaviour {
	const part = "job controller"
	return []Behaviour{
		{part, "keeps podFailurePolicy", yes(j.FailurePolicy)},
		{part, "keeps podReplacementPolicy", yes(j.ReplacementPolicy)},
		{part, "keeps backoffLimitPerIndex", yes(j.LimitPerIndex)},
		{part, "keeps successPolicy", yes(j.SuccessPolicy)},
		{part, "keeps managedBy", yes(j.ManagedBy)},
		{part, "counts ready Pods", yes(j.CountsReady)},
		{part, "counts terminating Pods", yes(j.CountsTerminating)},
		{part, "writes the status for terminating alone", yes(j.WritesTerminating)},
		{part, "ends a Job after its last Pod stopped", yes(j.DelaysEnd)},
		{part, "says why a Job is complete", yes(j.SaysWhyComplete)},
		{part, "counts the Pods it deletes at once", yes(j.CountsDeletedAtOnce)},
		{part, "backs off from the end of sidecars", yes(j.SidecarsEndLast)},
		{part, "shows no active Pods while backing off", yes(j.ShowsNoneInBackOff)},
		{part, "may not show more ready Pods than active", yes(j.RefusesReadyBeyondActive)},
		{part, "may not finish a Job without a start", yes(j.RefusesEndWithoutStart)},
		{part, "ranks Pods by restarts of sidecars too", yes(j.SidecarRestartsRank)},
		{part, "forgets the start of a suspended Job", yes(j.ForgetsStartOnSuspend)},
		{part, "waits for its own writes", yes(j.AwaitsOwnWrites)},
	}
}
