package gates

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Resolved is a target turned into behaviours.
type Resolved struct {
	Target Target
	// Name is Target.String().
	Name      string
	API       APIServer
	Scheduler Scheduler
	Job       JobController
	Kubelet   Kubelet
}

// APIServer is what the API server does that a Pod's order or display depends on.
type APIServer struct {
	Release Release
	// SidecarContainers: restartPolicy of init containers is kept; else it is dropped on create.
	// pkg/api/pod/util.go: dropDisabledFields, 1.28 to 1.32.
	SidecarContainers bool
	// KnowsRestartRules: the release knows restartPolicy on main containers as more than an error, and restartPolicyRules.
	// RestartRules: it also keeps them; else it drops them. pkg/api/pod/util.go: dropContainerRestartRules, 1.34 and later.
	KnowsRestartRules, RestartRules bool
	// InitStatusByOwnPolicy: whether the status of an init container may leave the state terminated follows from the container's own
	// policy; that of mains does from 1.34 on. pkg/apis/core/validation: ValidateInitContainerStateTransition, 1.35 (ContainerRestartRules).
	InitStatusByOwnPolicy bool
	// RestartAll: rules may have the action RestartAllContainers, and those of sidecars are legal; a Pod with such a rule may show any
	// container restarted. pkg/apis/core/validation: validateInitContainerRestartPolicy, 1.35 (RestartAllContainersOnContainerExits).
	RestartAll bool
	// InitRulesNeedPolicy: rules of an init container without a policy are an error. validateInitContainerRestartPolicy, 1.35.
	InitRulesNeedPolicy bool
	// KnowsStopSignal and StopSignal: the field lifecycle.stopSignal. pkg/api/pod/util.go: dropContainerStopSignals, 1.33.
	KnowsStopSignal, StopSignal bool
	// KnowsSleepHook and SleepHook: likewise for the sleep hook. pkg/api/pod/util.go, 1.29.
	KnowsSleepHook, SleepHook bool
	// RefusesRestartedSidecars: the status of a Pod that says OnFailure or Never is refused if a sidecar in it left the state
	// terminated (#122902). pkg/apis/core/validation/validation.go: ValidateContainerStateTransition, up to 1.28.7 and 1.29.2.
	RefusesRestartedSidecars bool
	// DropsSleepHook: a sleep hook that is not kept goes away altogether; else an empty hook stays behind, which validation
	// refuses. pkg/api/pod/util.go: dropPodLifecycleSleepAction, 1.30 to 1.33.
	DropsSleepHook bool
	// SleepZero: a sleep of zero seconds is legal; KnowsSleepZero: the release has heard of it and says so in its error.
	// pkg/apis/core/validation/validation.go: validateSleepAction, 1.32 and later.
	KnowsSleepZero, SleepZero bool
	// KeepsDeletionAhead: a request that shortens the grace of a Pod to less than has passed leaves it one second, and none if it asks for
	// none; else the deletion timestamp moves into the past. apiserver's pkg/registry/rest/delete.go: BeforeDelete, 1.33 (#122646).
	KeepsDeletionAhead bool
	// TerminatingHidesTerminal: STATUS reads Terminating for deleted Pods even when their phase is terminal.
	// pkg/printers/internalversion/printers.go: printPod, up to 1.30.
	TerminatingHidesTerminal bool
	// DisruptionConditions: an eviction notes the condition DisruptionTarget. pkg/registry/core/pod/storage/eviction.go:
	// addConditionAndDeletePod (PodDisruptionConditions).
	DisruptionConditions bool
	// Resize: the resources of a Pod may change, through a subresource of their own. pkg/registry/core/pod/storage: ResizeREST
	// (InPlacePodVerticalScaling; only from 1.33 on is that simulated).
	Resize bool
	// FailureShowsThroughCompleted: STATUS of a Pod whose last main completed shows a failed main.
	// printPod, 1.35 and later.
	FailureShowsThroughCompleted bool
}

// Scheduler is what the scheduler does.
type Scheduler struct {
	// SidecarContainers: Pods with sidecars are scheduled.
	// pkg/scheduler/framework/plugins/noderesources/fit.go: Filter, 1.28 to 1.36.
	SidecarContainers bool
	// RestartAllNodeless is what it says of a Pod with a rule that restarts all containers where no node declares that it can do that;
	// empty if it does not look. pkg/scheduler/framework/plugins/nodedeclaredfeatures: Filter, 1.35 (NodeDeclaredFeatures).
	RestartAllNodeless string
}

// Seed says which records of main containers make the init algorithm take the Pod for initialized.
type Seed uint8

// The seeds. kuberuntime_container.go: computeInitContainerActions.
const (
	// SeedAnyRecord: a main in state Created, Running or Exited, of any sandbox (hasAnyRegularContainerCreated, 1.28).
	SeedAnyRecord Seed = iota
	// SeedLive: a main in state Created or Running (inline loop, 1.29 to 1.36).
	SeedLive
	// SeedActiveSandbox: a main with any record in the active sandbox (HasAnyActiveRegularContainerStarted, 1.37).
	SeedActiveSandbox
)

// String returns a few words for the seed.
func (s Seed) String() string {
	return [...]string{"any record", "live", "sandbox record"}[s]
}

// StopOrder says whose stop is ordered.
type StopOrder uint8

// The stop orders. kuberuntime_container.go: killContainersWithSyncResult.
const (
	// StopTogether: all containers are stopped at once (1.28).
	StopTogether StopOrder = iota
	// StopOrderedAlways: mains, then sidecars in reverse, computed for Pods without sidecars too (early 1.29 to 1.31).
	StopOrderedAlways
	// StopOrderedWithSidecars: mains, then sidecars in reverse.
	StopOrderedWithSidecars
)

// String returns a few words for the stop order.
func (o StopOrder) String() string {
	return [...]string{"together", "all ordered", "ordered"}[o]
}

// Pending says when containers that are being initialized put the Pod into phase Pending. kubelet_pods.go: getPhase.
type Pending uint8

// The rules for phase Pending.
const (
	// PendingUntilMainShows: any unfinished init container, while no main is running or terminated in the API's view
	// (1.28 to 1.31).
	PendingUntilMainShows Pending = iota
	// PendingSidecarUntilMainShows: an unfinished plain init container always, a sidecar while no main shows (1.32).
	PendingSidecarUntilMainShows
	// PendingUntilMainRecord: an unfinished plain init container always, a sidecar while no main has a record in the active
	// sandbox (1.33 and later).
	PendingUntilMainRecord
)

// String returns a few words for the rule.
func (p Pending) String() string {
	return [...]string{"main shows", "init, main shows", "init, record"}[p]
}

// ReadyToStart says how the condition PodReadyToStartContainers is kept.
type ReadyToStart uint8

// The ways.
const (
	ReadyToStartOff ReadyToStart = iota
	// ReadyToStartAfterSync: seen by the sync after the one that made the sandbox.
	ReadyToStartAfterSync
	// ReadyToStartWithSandbox: published as soon as the sandbox is there, before images are pulled (OnPodSandboxReady, 1.36).
	ReadyToStartWithSandbox
)

// String returns a few words for the way.
func (r ReadyToStart) String() string {
	return [...]string{"off", "after sync", "with sandbox"}[r]
}

// Kubelet is what the node does.
type Kubelet struct {
	Release Release
	// SidecarContainers is the gate; with it off the kubelet rejects Pods with sidecars.
	// pkg/kubelet/lifecycle/predicate.go: Admit, 1.28 to 1.32.
	SidecarContainers bool
	// LegacyInit: Pods without a sidecar use findNextInitContainerToRun. kuberuntime_manager.go: computePodActions.
	LegacyInit bool
	InitSeed   Seed
	// RetryCreatedInit: an init container whose start failed (record Created) is started again (#126543).
	RetryCreatedInit bool
	// ActiveSandboxOnly: init containers are looked up in the active sandbox only (FindActiveContainerStatusByName, 1.37).
	ActiveSandboxOnly bool
	StopOrder         StopOrder
	// DeadInitHoldsStop: a sidecar that is not running holds up the stop of earlier ones for their whole grace (#125880).
	DeadInitHoldsStop bool
	// ExplicitZeroGrace: a requested grace of 0 counts as 1 s; else it falls back to the Pod's own.
	// pod_workers.go: calculateEffectiveGracePeriod, 1.31.
	ExplicitZeroGrace bool
	// SoftEvictionMin: a soft eviction gives a Pod no more than its own grace. eviction_manager.go: synchronize, 1.32.
	SoftEvictionMin bool
	// GracefulShutdown: the kubelet holds up a shutdown of its node until its Pods have stopped, if it is given time for that.
	// ShutdownAwaitsUnmount: … and their volumes are unmounted. nodeshutdown/nodeshutdown_manager.go: killPods, 1.32.
	GracefulShutdown, ShutdownAwaitsUnmount bool
	// DisruptionConditions: a Pod that the kubelet evicts or stops for a shutdown gets the condition DisruptionTarget
	// (PodDisruptionConditions).
	DisruptionConditions bool
	// HoldAfterStartupSuccess: the startup worker rests after a success. prober/worker.go: doProbe, 1.32.
	HoldAfterStartupSuccess bool
	// TriggerResetsTicker: a manual run of the readiness probe restarts its period. prober/worker.go: run, 1.32.
	TriggerResetsTicker bool
	// NeverEndsSidecarProbes: in Pods with policy Never the probe workers of a sidecar that is seen terminated end (#132826).
	NeverEndsSidecarProbes bool
	// WaitingEndsWorkers: a probe worker of a container that may not restart goes on when the container has ended, and ends while it
	// waits; elsewhere it is the other way round. prober/worker.go: doProbe, 1.34 with ContainerRestartRules.
	WaitingEndsWorkers bool
	// AddPodContinues: a sync that makes missing probe workers goes on with the next container when it meets one that
	// exists; else it stops there.
	// prober/prober_manager.go: AddPod, 1.37.
	AddPodContinues bool
	// ExecProbesEndWithSync: exec probes err once the Pod is asked to stop, because they run in the context of the sync
	// that made their worker (#140881).
	ExecProbesEndWithSync bool
	// CarryStarted: `started` is first copied by name from the last status. kubelet_pods.go:
	// convertToAPIContainerStatuses, 1.35 (ChangeContainerStatusOnKubeletRestart off).
	CarryStarted bool
	// SeedsStartedSidecars: with CarryStarted, a sidecar that has started keeps the success of its startup probe over a restart of the
	// kubelet; else it has no result, and the Pod does not count as initialized (#136910). prober/worker.go: doProbe, 1.35.4 and 1.36.
	SeedsStartedSidecars bool
	PendingRule          Pending
	// RestartRules: the restart policy of a container counts, a sidecar's Always included (ContainerRestartRules).
	RestartRules bool
	// RestartAll is the gate RestartAllContainersOnContainerExits: Initialized stays True once it was, restart counts
	// never fall. status/generate.go: GeneratePodInitializedCondition, 1.35.
	RestartAll bool
	// RestartAllKeepsLogs: the logs of containers that a restart of all removes stay, so that the runtime's attempts count on.
	// RestartAllSyncsAgain: the sync that removed them asks for the next one. kuberuntime_manager.go, kubelet.go: SyncPod, 1.36.
	RestartAllKeepsLogs, RestartAllSyncsAgain bool
	// DeclaresFeatures: the node says what it can do, and its kubelet refuses Pods that need more (NodeDeclaredFeatures).
	// pkg/kubelet/lifecycle/handlers.go: declaredFeaturesAdmitHandler, 1.35.
	DeclaresFeatures bool
	// StopSignal: lifecycle.stopSignal is handed to the runtime. kuberuntime/helpers.go: getContainerConfigStopSignal, 1.33.
	StopSignal   bool
	ReadyToStart ReadyToStart
	// ReadyToStartReason is the reason of PodReadyToStartContainers=False, empty before 1.37.
	ReadyToStartReason string
	// CarryLastState: the last termination state is carried over from the old status. kubelet_pods.go:
	// convertToAPIContainerStatuses, 1.36 (RestartAllContainersOnContainerExits).
	CarryLastState bool
	// LostInitCompleted: a plain init container without a record shows as completed once a main has one (#131317, 1.36).
	LostInitCompleted bool
	// RequeueAtExpiry: a sync that failed for a back-off is retried when the back-off ends; else after 10 s as after
	// any error. pod_workers.go: completeWork, 1.35.
	RequeueAtExpiry bool
	// BackOffInitial and BackOffMax bound the crash back-off. kubelet.go: newCrashLoopBackOff.
	BackOffInitial, BackOffMax time.Duration
	// BackOffNodeCap: the node's maxContainerRestartPeriod is honoured (KubeletCrashLoopBackOffMax).
	BackOffNodeCap bool
	// BackOffFixedReset: the back-off starts afresh after 600 s; else after twice its cap. 1.32.
	BackOffFixedReset bool
	// OnDemandRelist: a sync that did something asks for a relist of its Pod at once. pleg/generic.go: RequestRelist, 1.36.
	OnDemandRelist bool
	// RunOnceChecksState: a main counts as succeeded only if it has exited (containerSucceeded, 1.32).
	RunOnceChecksState bool
	// SleepHook: the sleep hook sleeps; else it returns at once. KnowsSleepHook: there is one; a kubelet that has none finds an empty
	// hook, which fails. kubelet/lifecycle/handlers.go: Run, runSleepHandler, 1.29.
	SleepHook, KnowsSleepHook bool
	// AdmitsEnded: a kubelet that starts goes through admission with Pods that have ended, too, and may refuse them. kubelet.go:
	// HandlePodAdditions, up to 1.28.13, 1.29.8, 1.30.4 and 1.31.0.
	AdmitsEnded bool
	// Resize: resources may change while the Pod is there (InPlacePodVerticalScaling; only from 1.33 on is that simulated).
	// ResizeInspects: the relist after a resize wakes the worker. pleg/generic.go: SetPodWatchCondition, up to 1.35; RequestReinspect,
	// reconcilePodRecord. ResizeFirst: containers are resized before init containers start, else after. ResizeAtStart: a container that is to
	// start with other resources than were made counts as a resize. kuberuntime_manager.go: SyncPod, startingResizedContainer, 1.37.
	// ResizeSyncsTwice: the allocation manager asks for a sync of its own, before the one for the update. HandlePodUpdates, 1.34.
	// ResizeWaits: a resize that was asked for while the kubelet was down waits; else the first sync makes it. HandlePodAdditions, 1.34.
	// ResizeAtEnd: a Pod that ends has it look at what waits. HandlePodReconcile, 1.36.
	// ReinspectAlone: the relist after a resize wakes the worker only if it finds nothing else. reconcilePodRecord, 1.36.
	Resize, ResizeInspects, ReinspectAlone, ResizeFirst, ResizeAtStart, ResizeSyncsTwice, ResizeWaits, ResizeAtEnd bool
	// RestartEditedSidecar: a running sidecar whose image was edited is restarted (1.32).
	RestartEditedSidecar bool
	// RejectKeepsQOS: the status of a rejected Pod keeps its QoS class (1.32).
	RejectKeepsQOS bool
}

// Resolve turns a target with one kind of node into behaviours. Use Target.Expand first where there may be several.
func Resolve(t Target) (Resolved, error) {
	if len(t.Nodes) != 1 {
		return Resolved{}, fmt.Errorf("target %s has %d kinds of nodes; resolve each of Expand()", t, len(t.Nodes))
	}
	if err := errors.Join(t.Control.check(), t.Nodes[0].check(), t.check()); err != nil {
		return Resolved{}, fmt.Errorf("target %s: %w", t, err)
	}
	return Resolved{
		Target:    t,
		Name:      t.String(),
		API:       apiServer(t.Control),
		Scheduler: scheduler(t.Control),
		Job:       jobController(t.Control),
		Kubelet:   kubelet(t.Nodes[0]),
	}, nil
}

// Restarted is the kubelet of the target's node after a restart with other gates. The error is that of a kubelet that does not start.
func Restarted(t *Target, overrides []Override) (Kubelet, error) {
	node := t.Nodes[0]
	for _, o := range overrides {
		node.Overrides = slices.DeleteFunc(slices.Clone(node.Overrides), func(old Override) bool { return old.Gate == o.Gate })
		node.Overrides = append(node.Overrides, o)
	}
	if err := node.check(); err != nil {
		return Kubelet{}, err
	}
	return kubelet(node), nil
}

func apiServer(c Component) APIServer {
	r := c.Release
	return APIServer{
		Release:                      r,
		SidecarContainers:            c.On(SidecarContainers),
		KnowsRestartRules:            r.Minor >= 34,
		RestartRules:                 c.On(containerRestartRules),
		InitStatusByOwnPolicy:        r.Minor >= 35 && c.On(containerRestartRules),
		RestartAll:                   c.On(restartAllContainersOnContainerExits),
		InitRulesNeedPolicy:          r.Minor >= 35,
		KnowsStopSignal:              r.Minor >= 33,
		StopSignal:                   c.On(containerStopSignals),
		KnowsSleepHook:               r.Minor >= 29,
		SleepHook:                    c.On(podLifecycleSleepAction),
		DropsSleepHook:               r.Minor >= 30 && !c.On(podLifecycleSleepAction),
		RefusesRestartedSidecars:     !r.since(Release{28, 8}, Release{29, 3}, Release{30, 0}),
		KnowsSleepZero:               r.Minor >= 32,
		SleepZero:                    c.On(podLifecycleSleepActionAllowZero),
		KeepsDeletionAhead:           r.Minor >= 33,
		TerminatingHidesTerminal:     r.Minor <= 30,
		DisruptionConditions:         c.On(podDisruptionConditions),
		Resize:                       r.Minor >= 33 && c.On(inPlacePodVerticalScaling),
		FailureShowsThroughCompleted: r.Minor >= 35,
	}
}

func scheduler(c Component) Scheduler {
	s := Scheduler{SidecarContainers: c.On(SidecarContainers)}
	switch {
	case !c.On(nodeDeclaredFeatures):
	case c.Release.Minor == 35:
		s.RestartAllNodeless = "node declared features check failed - unsatisfied requirements: " + restartAllContainersOnContainerExits
	default:
		s.RestartAllNodeless = "node(s) didn't match Pod's required features"
	}
	return s
}

func kubelet(c Component) Kubelet {
	r := c.Release
	// Backports of one change of August 2024: Pods without sidecars return to the old code, Created init containers
	// are retried (#126543, #127162).
	split := r.since(Release{29, 9}, Release{30, 5}, Release{31, 1})
	k := Kubelet{
		Release:           r,
		SidecarContainers: c.On(SidecarContainers),
		LegacyInit:        legacyInit(c, split),
		InitSeed:          initSeed(r),
		// The legacy algorithm always retries; this is about the new one, so 1.28 never does.
		RetryCreatedInit:        split,
		ActiveSandboxOnly:       r.Minor >= 37,
		StopOrder:               stopOrder(c, split),
		DeadInitHoldsStop:       r.Minor >= 29 && !r.since(Release{29, 8}, Release{30, 4}, Release{31, 0}),
		ExplicitZeroGrace:       r.Minor >= 31,
		SoftEvictionMin:         r.Minor >= 32,
		GracefulShutdown:        c.On(gracefulNodeShutdown),
		ShutdownAwaitsUnmount:   r.Minor >= 32,
		DisruptionConditions:    c.On(podDisruptionConditions),
		HoldAfterStartupSuccess: r.Minor >= 32,
		TriggerResetsTicker:     r.Minor >= 32,
		NeverEndsSidecarProbes:  !r.since(Release{33, 6}, Release{34, 2}),
		WaitingEndsWorkers:      r.Minor == 34 && c.On(containerRestartRules),
		AddPodContinues:         r.Minor >= 37,
		ExecProbesEndWithSync:   r.Minor == 35 || r.Minor == 36 && r.Patch >= 3,
		CarryStarted:            r.Minor >= 35 && !c.On(changeContainerStatusOnKubeletRestart),
		SeedsStartedSidecars:    r.since(Release{35, 4}, Release{36, 0}) && !c.On(changeContainerStatusOnKubeletRestart),
		PendingRule:             pendingRule(r),
		RestartRules:            c.On(containerRestartRules),
		RestartAll:              c.On(restartAllContainersOnContainerExits),
		RestartAllKeepsLogs:     r.Minor >= 36,
		RestartAllSyncsAgain:    r.Minor >= 36,
		DeclaresFeatures:        c.On(nodeDeclaredFeatures),
		StopSignal:              c.On(containerStopSignals),
		ReadyToStart:            readyToStart(c),
		CarryLastState:          r.Minor >= 36 && c.On(restartAllContainersOnContainerExits),
		LostInitCompleted:       r.Minor >= 36,
		RequeueAtExpiry:         r.Minor >= 35,
		BackOffInitial:          10 * time.Second,
		BackOffMax:              300 * time.Second,
		BackOffNodeCap:          c.On(kubeletCrashLoopBackOffMax),
		BackOffFixedReset:       r.Minor >= 32,
		OnDemandRelist:          c.On(plegOnDemandRelist),
		RunOnceChecksState:      r.Minor >= 32,
		SleepHook:               c.On(podLifecycleSleepAction),
		KnowsSleepHook:          r.Minor >= 29,
		Resize:                  r.Minor >= 33 && c.On(inPlacePodVerticalScaling),
		AdmitsEnded:             !r.since(Release{28, 14}, Release{29, 9}, Release{30, 5}, Release{31, 1}),
		ResizeInspects:          r.Minor >= 33,
		ReinspectAlone:          r.Minor >= 36,
		ResizeFirst:             r.Minor >= 37,
		ResizeSyncsTwice:        r.Minor >= 34,
		ResizeWaits:             r.Minor >= 34,
		ResizeAtEnd:             r.Minor >= 36,
		ResizeAtStart:           r.Minor >= 37,
		RestartEditedSidecar:    r.Minor >= 32,
		RejectKeepsQOS:          r.Minor >= 32,
	}
	if r.Minor >= 37 {
		k.ReadyToStartReason = "PodSandboxNotReady"
	}
	if c.On(reduceDefaultCrashLoopBackOffDecay) {
		k.BackOffInitial, k.BackOffMax = time.Second, 60*time.Second
		if k.BackOffNodeCap && r.Minor >= 35 {
			// The node's configuration defaults to 300 s from 1.35 on, and an explicit cap wins over the reduced one.
			k.BackOffMax = 300 * time.Second
		}
	}
	return k
}

// legacyInit says whether Pods without a sidecar use the init algorithm of old. kuberuntime_manager.go:
// computePodActions and hasAnyRegularContainerCreated of each line.
func legacyInit(c Component, split bool) bool {
	r := c.Release
	switch {
	case r.Minor >= 34:
		return false
	case r.Minor == 33:
		return c.On(legacySidecarContainers)
	case !c.On(SidecarContainers):
		return r.since(Release{28, 2})
	}
	return r.Minor >= 29 && split
}

func initSeed(r Release) Seed {
	switch {
	case r.Minor == 28:
		return SeedAnyRecord
	case r.Minor <= 36:
		return SeedLive
	}
	return SeedActiveSandbox
}

func stopOrder(c Component, split bool) StopOrder {
	switch {
	case c.Release.Minor == 28 || !c.On(SidecarContainers):
		return StopTogether
	case split:
		return StopOrderedWithSidecars
	}
	return StopOrderedAlways
}

func pendingRule(r Release) Pending {
	switch {
	case r.Minor <= 31:
		return PendingUntilMainShows
	case r.Minor == 32:
		return PendingSidecarUntilMainShows
	}
	return PendingUntilMainRecord
}

func readyToStart(c Component) ReadyToStart {
	switch {
	case !c.On(podReadyToStartContainersCondition):
		return ReadyToStartOff
	case c.Release.Minor >= 36:
		return ReadyToStartWithSandbox
	}
	return ReadyToStartAfterSync
}
