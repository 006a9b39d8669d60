package trace

// The words below belong to the JSON form. Never rename one: recordings use them.

var roleNames = [...]string{
	RoleNone: "none", RoleNode: "node", RoleJob: "job", RolePod: "pod",
	RoleInit: "init", RoleSidecar: "sidecar", RoleMain: "main", RoleEphemeral: "ephemeral",
}

// String returns the word of the JSON form.
func (r Role) String() string { return word(roleNames[:], int(r)) }

// ParseRole returns the role with the given word.
func ParseRole(name string) (Role, bool) {
	i, ok := position(roleNames[:], name)
	return Role(i), ok
}

var phaseNames = [...]string{
	PhaseNone: "", PhasePending: "Pending", PhaseRunning: "Running", PhaseSucceeded: "Succeeded", PhaseFailed: "Failed",
}

// String returns the phase as the API spells it; PhaseNone is empty.
func (p Phase) String() string { return word(phaseNames[:], int(p)) }

// Terminal reports whether the phase can never change again.
func (p Phase) Terminal() bool { return p == PhaseSucceeded || p == PhaseFailed }

// ParsePhase returns the phase with the API's spelling.
func ParsePhase(name string) (Phase, bool) {
	i, ok := position(phaseNames[:], name)
	return Phase(i), ok
}

var conditionNames = [...]string{
	PodReadyToStartContainers: "PodReadyToStartContainers",
	PodInitialized:            "Initialized",
	PodReady:                  "Ready",
	ContainersReady:           "ContainersReady",
	PodScheduled:              "PodScheduled",
	AllContainersRestarting:   "AllContainersRestarting",
	DisruptionTarget:          "DisruptionTarget",
}

// String returns the type as the API spells it.
func (c ConditionType) String() string { return word(conditionNames[:], int(c)) }

// ParseConditionType returns the type with the API's spelling.
func ParseConditionType(name string) (ConditionType, bool) {
	i, ok := position(conditionNames[:], name)
	return ConditionType(i), ok
}

var stateNames = [...]string{
	StateNone: "none", StateWaiting: "waiting", StateRunning: "running", StateTerminated: "terminated",
}

// String returns the state's word in the API.
func (k StateKind) String() string { return word(stateNames[:], int(k)) }

// ParseStateKind returns the state with the API's word.
func ParseStateKind(name string) (StateKind, bool) {
	i, ok := position(stateNames[:], name)
	return StateKind(i), ok
}

var endingNames = [...]string{
	EndingHorizon: "horizon", EndingSteady: "steady", EndingTerminal: "terminal",
	EndingRemoved: "removed", EndingRefused: "refused", EndingTruncated: "truncated",
}

// String returns the word of the JSON form.
func (e Ending) String() string { return word(endingNames[:], int(e)) }

// ParseEnding returns the ending with the given word.
func ParseEnding(name string) (Ending, bool) {
	i, ok := position(endingNames[:], name)
	return Ending(i), ok
}

func word(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "invalid"
}

func position(names []string, name string) (int, bool) {
	for i := range names {
		if names[i] == name {
			return i, true
		}
	}
	return 0, false
}
