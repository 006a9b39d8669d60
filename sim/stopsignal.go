package sim

import "fmt"

// The stop signal of a container's own. kuberuntime/helpers.go: getContainerConfigStopSignal.

// stopSignal is the signal that the runtime sends, where the container says which; else it is empty.
func (m *machine) stopSignal(c *container) Signal {
	if !m.kubelet.StopSignal {
		return ""
	}
	return c.spec.StopSignal
}

// On is what the process does on a signal; an empty one is SIGTERM. Two signals are the kernel's: no process can handle them.
func (s StopReaction) On(signal Signal) StopReaction {
	switch {
	case signal == SignalKill:
		return StopReaction{ExitCode: exitSIGKILL}
	case signal == SignalStop:
		return StopReaction{Ignore: true}
	case s.Only == "" || s.Only == signal || s.Only == SignalTerm && signal == "":
		return s
	}
	return StopReaction{Ignore: true}
}

// refuseStopSignal judges the field, where the API server keeps it. pkg/apis/core/validation/validation.go: validateStopSignal.
func (m *machine) refuseStopSignal(c *Container, refuse func(field, message string)) {
	switch os := m.scenario.Pod.OS; {
	case c.StopSignal == "":
	case os == "":
		refuse("lifecycle.stopSignal", "Forbidden: may not be set for containers with empty `spec.os.name`")
	case os == "windows" && c.StopSignal != SignalKill && c.StopSignal != SignalTerm:
		refuse("lifecycle.stopSignal", fmt.Sprintf("Unsupported value: %q: supported values: %q, %q", c.StopSignal, SignalKill, SignalTerm))
	}
}
