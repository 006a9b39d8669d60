package gates

import "strings"

// Stage is how far a feature gate has come in a release.
type Stage uint8

// The stages. Unknown means that the component refuses to start when the gate is set at all.
const (
	Unknown Stage = iota
	Alpha
	Beta
	GA
	Deprecated
)

// String returns the stage as the field writes it.
func (s Stage) String() string {
	return [...]string{"unknown", "alpha", "beta", "GA", "deprecated"}[s]
}

// Spec is a gate's state in one release line.
type Spec struct {
	Stage   Stage
	Default bool
	// Locked gates cannot be set against their default.
	Locked bool
}

// Gate is one row of the table: what the gate decides about ordering or status, and its Spec per release line.
type Gate struct {
	Name   string
	Effect string
	// Needs names gates without which the component refuses to start with this one on. See NeedsIn.
	Needs []string
	specs []Spec // by position of the line in pinned
}

// Spec returns the gate's state in the line of r.
func (g *Gate) Spec(r Release) Spec { return g.specs[r.Minor-Oldest().Minor] }

// NeedsIn returns what the gate needs in the line of r: gates depend on each other from 1.35 on.
// component-base/featuregate/feature_gate.go: AddDependencies.
func (g *Gate) NeedsIn(r Release) []string {
	if r.Minor < 35 {
		return nil
	}
	return g.Needs
}

// The names of the gates that the behaviours below depend on.
const (
	SidecarContainers                     = "SidecarContainers"
	legacySidecarContainers               = "LegacySidecarContainers"
	podLifecycleSleepAction               = "PodLifecycleSleepAction"
	podLifecycleSleepActionAllowZero      = "PodLifecycleSleepActionAllowZero"
	containerStopSignals                  = "ContainerStopSignals"
	containerRestartRules                 = "ContainerRestartRules"
	restartAllContainersOnContainerExits  = "RestartAllContainersOnContainerExits"
	nodeDeclaredFeatures                  = "NodeDeclaredFeatures"
	kubeletCrashLoopBackOffMax            = "KubeletCrashLoopBackOffMax"
	reduceDefaultCrashLoopBackOffDecay    = "ReduceDefaultCrashLoopBackOffDecay"
	changeContainerStatusOnKubeletRestart = "ChangeContainerStatusOnKubeletRestart"
	podReadyToStartContainersCondition    = "PodReadyToStartContainersCondition"
	plegOnDemandRelist                    = "PLEGOnDemandRelist"
	eventedPLEG                           = "EventedPLEG"
	gracefulNodeShutdown                  = "GracefulNodeShutdown"
	podDisruptionConditions               = "PodDisruptionConditions"
	inPlacePodVerticalScaling             = "InPlacePodVerticalScaling"
	podLevelResources                     = "PodLevelResources"
	jobPodFailurePolicy                   = "JobPodFailurePolicy"
	jobPodReplacementPolicy               = "JobPodReplacementPolicy"
	jobBackoffLimitPerIndex               = "JobBackoffLimitPerIndex"
	jobSuccessPolicy                      = "JobSuccessPolicy"
	jobManagedBy                          = "JobManagedBy"
	jobReadyPods                          = "JobReadyPods"
	mutableSchedulingDirectives           = "MutableSchedulingDirectivesForSuspendedJobs"
	staleControllerConsistencyJob         = "StaleControllerConsistencyJob"
)

// table holds every gate that changes the order or the visible status of containers, one column per release line from
// 1.28 to 1.37. The letters: A alpha, B beta, G GA, D deprecated, "." unknown; + on by default, - off; L locked.
// Source: pkg/features/kube_features.go of each pinned release.
var table = []Gate{
	gate(SidecarContainers, "native sidecars: init containers with restartPolicy Always", "A- B+ B+ B+ B+ GL GL GL GL ."),
	gate(legacySidecarContainers, "Pods without a sidecar use the init algorithm of old", ". . . . . D- . . . ."),
	gate(podLifecycleSleepAction, "the sleep hook", ". A- B+ B+ B+ B+ GL GL GL ."),
	gate(podLifecycleSleepActionAllowZero, "sleep hooks of zero seconds", ". . . . A- B+ GL GL GL .", podLifecycleSleepAction),
	gate(containerStopSignals, "lifecycle.stopSignal", ". . . . . A- A- A- A- A-"),
	gate(containerRestartRules, "restartPolicy and restartPolicyRules on any container", ". . . . . . A- B+ B+ B+"),
	gate(restartAllContainersOnContainerExits, "the rule action RestartAllContainers", ". . . . . . . A- B+ B+",
		containerRestartRules, nodeDeclaredFeatures),
	gate(nodeDeclaredFeatures, "nodes say what they can do, scheduler and admission look", ". . . . . . . A- B+ GL"),
	gate(kubeletCrashLoopBackOffMax, "the node's own cap of the crash back-off", ". . . . A- A- A- B+ B+ B+"),
	gate(reduceDefaultCrashLoopBackOffDecay, "crash back-off from 1s to 60s", ". . . . . A- A- A- A- A-"),
	gate(changeContainerStatusOnKubeletRestart, "Started and Ready are lost on a kubelet restart, as of old", ". . . . . . . D- D- D-"),
	gate(podReadyToStartContainersCondition, "the condition PodReadyToStartContainers", "A- B+ B+ B+ B+ B+ B+ B+ B+ GL"),
	gate(gracefulNodeShutdown, "ordered stop of Pods at node shutdown", "B+ B+ B+ B+ B+ B+ B+ B+ B+ B+"),
	gate("GracefulNodeShutdownBasedOnPodPriority", "… by priority", "B+ B+ B+ B+ B+ B+ B+ B+ B+ B+", gracefulNodeShutdown),
	gate("WindowsGracefulNodeShutdown", "… of Windows nodes", ". . . . A- A- B+ B+ B+ B+", gracefulNodeShutdown),
	gate(jobPodFailurePolicy, "podFailurePolicy of Jobs", "B+ B+ B+ GL GL . . . . ."),
	gate(jobPodReplacementPolicy, "podReplacementPolicy of Jobs", "A- B+ B+ B+ B+ B+ GL GL GL ."),
	gate(jobBackoffLimitPerIndex, "back-off per index of Jobs", "A- B+ B+ B+ B+ GL GL GL GL ."),
	gate(jobSuccessPolicy, "success policy of Jobs", ". . A- B+ B+ GL GL GL GL ."),
	gate(jobManagedBy, "Jobs managed elsewhere; delayed terminal conditions", ". . A- A- B+ B+ B+ GL GL GL"),
	gate(jobReadyPods, "status.ready of Jobs", "B+ GL GL . . . . . . ."),
	gate(podDisruptionConditions, "the condition DisruptionTarget", "B+ B+ B+ GL GL GL . . . ."),
	gate("ElasticIndexedJob", "none on the order", "B+ B+ B+ GL GL GL . . . ."),
	gate(inPlacePodVerticalScaling, "resize may restart containers", "A- A- A- A- A- B+ B+ GL GL GL"),
	gate("InPlacePodVerticalScalingInitContainers", "resize of running plain init containers", ". . . . . . . . B+ GL",
		inPlacePodVerticalScaling, nodeDeclaredFeatures),
	gate("InPlacePodLevelResourcesVerticalScaling", "resize of the Pod as a whole", ". . . . . . . A- B+ B+",
		inPlacePodVerticalScaling, podLevelResources, nodeDeclaredFeatures),
	gate(podLevelResources, "spec.resources", ". . . . A- A- B+ B+ B+ B+"),
	gate(plegOnDemandRelist, "a relist right after a sync that did something", ". . . . . . . . B+ GL"),
	gate(eventedPLEG, "container events from the runtime in place of the relist", "A- A- A- A- A- A- A- A- A- A-"),
	gate("PodObservedGenerationTracking", "observedGeneration in status and conditions", ". . . . . A- B+ GL GL GL"),
	gate("ExecProbeTimeout", "timeouts of exec probes are enforced", "G G G G G G G GL GL GL"),
	gate("ConsistentHTTPGetHandlers", "http hooks are built like http probes", "G G GL . . . . . . ."),
	gate("GRPCContainerProbeTLS", "gRPC probes over TLS", ". . . . . . . . . A-"),
	gate("H2CContainerProbe", "http probes over h2c", ". . . . . . . . . A-", nodeDeclaredFeatures),
	gate("ExtendWebSocketsToKubelet", "none on the order", ". . . . . . . . B+ B+", nodeDeclaredFeatures),
	gate("SeparateTaintEvictionController", "none on the order", ". B+ B+ B+ B+ B+ GL GL GL GL"),
	gate(mutableSchedulingDirectives, "a suspended Job forgets its start", ". . . . . . . A- B+ B+"),
	gate(staleControllerConsistencyJob, "the Job controller waits for its own writes", ". . . . . . . . B+ B+"),
}

func gate(name, effect, columns string, needs ...string) Gate {
	g := Gate{Name: name, Effect: effect, Needs: needs}
	for _, cell := range strings.Fields(columns) {
		g.specs = append(g.specs, parseSpec(cell))
	}
	return g
}

func parseSpec(cell string) Spec {
	switch cell[0] {
	case 'A':
		return Spec{Stage: Alpha, Default: cell[1] == '+'}
	case 'B':
		return Spec{Stage: Beta, Default: cell[1] == '+'}
	case 'G':
		return Spec{Stage: GA, Default: true, Locked: len(cell) > 1}
	case 'D':
		return Spec{Stage: Deprecated, Default: cell[1] == '+'}
	}
	return Spec{}
}

// Gates returns the table of gates.
func Gates() []Gate { return append([]Gate(nil), table...) }

func findGate(name string) *Gate {
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	return nil
}
