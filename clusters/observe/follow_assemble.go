package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// lowered is a Pod as package sim runs it. What its processes do is assumed, as of any manifest; what they did is in the observation.
func lowered(pod *corev1.Pod) (sim.Scenario, error) {
	plain := corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels, Annotations: pod.Annotations},
		Spec:       pod.Spec,
	}
	text, err := json.Marshal(&plain)
	if err != nil {
		return sim.Scenario{}, fmt.Errorf("writing down Pod %s: %w", pod.Name, err)
	}
	for document := range fixtures.Read(bytes.NewReader(text), "Pod "+pod.Name, fixtures.Options{}) {
		if document.Item == nil {
			return sim.Scenario{}, fmt.Errorf("the Pod cannot be simulated: %w", document.Problems)
		}
		return document.Item.Scenario, nil
	}
	return sim.Scenario{}, fmt.Errorf("Pod %s is no manifest", pod.Name)
}

// onlyLooked takes away the sources that only Pods of our own have, and says what was not heard before the recording began.
func (a *assembly) onlyLooked() {
	p := a.p
	a.o.Sources = slices.DeleteFunc(a.o.Sources, func(s judge.Source) bool { return s == judge.SourceJournal || s == judge.SourceSteps })
	if p.since.IsZero() {
		return
	}
	a.o.ClockPhase = -1
	for _, s := range a.o.Sources {
		a.gap(s, p.zero, p.since, fmt.Sprintf("the recording began %v after the Pod was created", p.since.Sub(p.zero).Round(time.Millisecond)))
	}
}
