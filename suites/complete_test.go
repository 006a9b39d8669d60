package suites

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

// recordedOn says what is to be recorded on which target: everything that a cluster can play, or the core.
var recordedOn = map[string]bool{
	"1.28.15": everything, "1.28.15+SidecarContainers": everything, "1.29.15": everything, "1.37.2": everything,
	"1.33.13": core, "1.35.4": core,
	"1.29.15-SidecarContainers": core, "1.29.15/1.29.15-SidecarContainers": core, "1.29.15/1.28.15": core,
}

const (
	core       = false
	everything = true
)

// TestRecordingsAreComplete wants each scenario, as it is now, to be recorded on each target on which it is to be.
func TestRecordingsAreComplete(t *testing.T) {
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]*recorded.Recording{}
	for _, target := range recorded.Targets() {
		for r, err := range recorded.Recordings(target) {
			if err != nil {
				t.Fatal(err)
			}
			kept[r.Observation.Scenario+" on "+target] = r
		}
	}
	for i := range items {
		item := &items[i]
		playable := runner.Unplayable(item, actor.Options{}) == ""
		for target, all := range recordedOn {
			key := item.FullName() + " on " + target
			r := kept[key]
			delete(kept, key)
			wanted := playable && (all || item.Profile == fixtures.ProfileCore)
			switch {
			case wanted && r == nil:
				t.Errorf("%s is not recorded", key)
			case r == nil:
			case !playable:
				t.Errorf("%s is recorded, although no cluster can play it", key)
			case !reflect.DeepEqual(anyActor(r.Scenario), anyActor(actor.Realise(item, actor.Options{}).Item.Scenario)):
				t.Errorf("%s was recorded from another scenario than it is now", key)
			}
		}
	}
	for key := range kept {
		t.Errorf("%s is recorded, and nobody asked for it", key)
	}
}

// anyActor is a scenario without the version of the actor that plays it: a recording has the one of its day.
func anyActor(s sim.Scenario) sim.Scenario {
	s.Pod.Init, s.Pod.Main, s.Pod.Ephemeral = slices.Clone(s.Pod.Init), slices.Clone(s.Pod.Main), slices.Clone(s.Pod.Ephemeral)
	for _, list := range [][]sim.Container{s.Pod.Init, s.Pod.Main, s.Pod.Ephemeral} {
		for i := range list {
			if name, _, ok := strings.Cut(list[i].Image, "/actor:"); ok {
				list[i].Image = name + "/actor"
			}
		}
	}
	return s
}
