package cri

import (
	"fmt"
	"reflect"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

// The stop signal of a container's own: a field that is younger than the oldest release, and whose words were renamed since.

// stopSignal is the signal that the kubelet asks for, empty for the image's own.
func stopSignal(config *runtimeapi.ContainerConfig) sim.Signal {
	field := reflect.ValueOf(config).Elem().FieldByName("StopSignal")
	if !field.IsValid() || field.Int() == 0 {
		return ""
	}
	name := strings.TrimPrefix(field.Interface().(fmt.Stringer).String(), "SIGNAL_")
	return sim.Signal(strings.NewReplacer("PLUS", "+", "MINUS", "-").Replace(name))
}

// showStopSignal puts it into the container's status.
func showStopSignal(shown *runtimeapi.ContainerStatus, config *runtimeapi.ContainerConfig) {
	asked := reflect.ValueOf(config).Elem().FieldByName("StopSignal")
	if asked.IsValid() {
		reflect.ValueOf(shown).Elem().FieldByName("StopSignal").Set(asked)
	}
}
