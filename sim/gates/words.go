package gates

import (
	"fmt"
	"time"
)

// Behaviour is one row of the table of behaviours: what one part of the cluster does, in words.
type Behaviour struct {
	// Part is "api server", "scheduler", "job controller" or "kubelet".
	Part string
	// Name completes the sentence "the part …"; Value is yes, "-" for no, or what else decides.
	Name, Value string
}

// Behaviours returns every behaviour of a resolved target as words, one for each field of APIServer, Scheduler,
// JobController and Kubelet, in their order. The comment on the field says where the rule comes from.
func (r *Resolved) Behaviours() []Behaviour {
	var rows []Behaviour
	rows = append(rows, r.API.behaviours()...)
	rows = append(rows, Behaviour{"scheduler", "schedules Pods with sidecars", yes(r.Scheduler.SidecarContainers)})
	rows = append(rows, Behaviour{"scheduler", "looks at what nodes declare", yes(r.Scheduler.RestartAllNodeless != "")})
	rows = append(rows, r.Job.behaviours()...)
	return append(rows, r.Kubelet.behaviours()...)
}

func (a *APIServer) behaviours() []Behaviour {
	const part = "api server"
	return []Behaviour{
		{part, "keeps restartPolicy of init containers", yes(a.SidecarContainers)},
		{part, "knows restart rules and policies of mains", yes(a.KnowsRestartRules)},
		{part, "keeps restart rules and policies of mains", yes(a.RestartRules)},
		{part, "judges init statuses by own policies", yes(a.InitStatusByOwnPolicy)},
		{part, "allows rules that restart all containers", yes(a.RestartAll)},
		{part, "wants a policy beside an init's rules", yes(a.InitRulesNeedPolicy)},
		{part, "knows stop signals", yes(a.KnowsStopSignal)},
		{part, "keeps stop signals", yes(a.StopSignal)},
		{part, "knows the sleep hook", yes(a.KnowsSleepHook)},
		{part, "keeps the sleep hook", yes(a.SleepHook)},
		{part, "drops the sleep hook", yes(a.DropsSleepHook)},
		{part, "refuses the status of restarted sidecars", yes(a.RefusesRestartedSidecars)},
		{part, "knows a sleep of 0s", yes(a.KnowsSleepZero)},
		{part, "allows a sleep of 0s", yes(a.SleepZero)},
		{part, "keeps deletion timestamps ahead", yes(a.KeepsDeletionAhead)},
		{part, "prints Terminating for ended Pods", yes(a.TerminatingHidesTerminal)},
		{part, "notes in DisruptionTarget an eviction", yes(a.DisruptionConditions)},
		{part, "lets resources change", yes(a.Resize)},
		{part, "prints a failure beside a completed main", yes(a.FailureShowsThroughCompleted)},
	}
}

func (k *Kubelet) behaviours() []Behaviour {
	const part = "kubelet"
	return []Behaviour{
		{part, "admits Pods with sidecars", yes(k.SidecarContainers)},
		{part, "has old init code for Pods without sidecar", yes(k.LegacyInit)},
		{part, "takes a Pod for initialized by main", k.InitSeed.String()},
		{part, "retries an init container left Created", yes(k.RetryCreatedInit)},
		{part, "ignores init containers of old sandboxes", yes(k.ActiveSandboxOnly)},
		{part, "stops containers", k.StopOrder.String()},
		{part, "waits in a stop for sidecars that are down", yes(k.DeadInitHoldsStop)},
		{part, "takes a grace of 0s at its word", yes(k.ExplicitZeroGrace)},
		{part, "bounds a soft eviction by the Pod's grace", yes(k.SoftEvictionMin)},
		{part, "holds up a shutdown for its Pods", yes(k.GracefulShutdown)},
		{part, "… until their volumes are unmounted", yes(k.ShutdownAwaitsUnmount)},
		{part, "says in DisruptionTarget why it ends a Pod", yes(k.DisruptionConditions)},
		{part, "rests the startup probe after a success", yes(k.HoldAfterStartupSuccess)},
		{part, "restarts the period at a manual probe", yes(k.TriggerResetsTicker)},
		{part, "gives up probes of sidecars under Never", yes(k.NeverEndsSidecarProbes)},
		{part, "gives up probes of waiting containers", yes(k.WaitingEndsWorkers)},
		{part, "adds probe workers past an existing one", yes(k.AddPodContinues)},
		{part, "cancels exec probes when asked to stop", yes(k.ExecProbesEndWithSync)},
		{part, "carries started over to the next run", yes(k.CarryStarted)},
		{part, "keeps sidecars started over its restart", yes(k.SeedsStartedSidecars)},
		{part, "says Pending for init containers until", k.PendingRule.String()},
		{part, "obeys restart rules and own policies", yes(k.RestartRules)},
		{part, "restarts all containers, keeps Initialized", yes(k.RestartAll)},
		{part, "keeps logs when it restarts all", yes(k.RestartAllKeepsLogs)},
		{part, "syncs again at once when it restarts all", yes(k.RestartAllSyncsAgain)},
		{part, "declares features and refuses by them", yes(k.DeclaresFeatures)},
		{part, "sets stop signals", yes(k.StopSignal)},
		{part, "sets PodReadyToStartContainers", k.ReadyToStart.String()},
		{part, "gives it the reason", word(k.ReadyToStartReason)},
		{part, "carries the last state over", yes(k.CarryLastState)},
		{part, "shows lost init containers as completed", yes(k.LostInitCompleted)},
		{part, "retries when a back-off ends", yes(k.RequeueAtExpiry)},
		{part, "starts the crash back-off at", length(k.BackOffInitial)},
		{part, "caps the crash back-off at", length(k.BackOffMax)},
		{part, "honours a cap of the node", yes(k.BackOffNodeCap)},
		{part, "forgets a back-off after", forgets(k)},
		{part, "relists after a sync that did something", yes(k.OnDemandRelist)},
		{part, "wants a main exited to call it succeeded", yes(k.RunOnceChecksState)},
		{part, "knows the sleep hook", yes(k.KnowsSleepHook)},
		{part, "sleeps in the sleep hook", yes(k.SleepHook)},
		{part, "admits Pods that have ended", yes(k.AdmitsEnded)},
		{part, "changes resources", yes(k.Resize)},
		{part, "… and looks at the Pod once more", yes(k.ResizeInspects)},
		{part, "… unless something else has happened", yes(k.ReinspectAlone)},
		{part, "… before it starts init containers", yes(k.ResizeFirst)},
		{part, "… at a container's start", yes(k.ResizeAtStart)},
		{part, "… and syncs twice for one", yes(k.ResizeSyncsTwice)},
		{part, "… later, where asked for while it was down", yes(k.ResizeWaits)},
		{part, "… when a Pod ends at the latest", yes(k.ResizeAtEnd)},
		{part, "restarts a sidecar whose image was edited", yes(k.RestartEditedSidecar)},
		{part, "keeps the QoS class of rejected Pods", yes(k.RejectKeepsQOS)},
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func word(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func length(d time.Duration) string { return fmt.Sprintf("%ds", d/time.Second) }

func forgets(k *Kubelet) string {
	if k.BackOffFixedReset {
		return "600s"
	}
	return "twice cap"
}
