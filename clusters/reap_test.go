package clusters

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// killed is a process that is not there.
const killed = 1 << 30

// TestReap takes away what a killed process made, ready or not, and nothing else.
func TestReap(t *testing.T) {
	for _, c := range []struct {
		name  string
		label Label
		gone  bool
	}{
		{"being made", Label{Process: killed, Maker: killed}, true},
		{"ready", Label{Maker: killed}, true},
		{"a second attempt", Label{Process: os.Getpid(), Maker: killed}, true},
		{"made by another since", Label{Process: os.Getpid(), Maker: os.Getpid()}, false},
		{"ready, of another", Label{Maker: os.Getpid()}, false},
		{"without a maker", Label{}, false},
	} {
		f := newFakes(t)
		plan := planFor(t, "1.29", Options{})
		c.label.Name, c.label.Target, c.label.Config = plan.Name, "1.29.15", plan.Config
		if err := f.claim(c.label); err != nil {
			t.Fatal(err)
		}
		f.kind.set(plan.Name, true)
		if err := f.Reap(t.Context(), plan.Name, killed); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if f.kind.there(plan.Name) == c.gone {
			t.Errorf("%s: gone is %v", c.name, !c.gone)
		}
		if c.gone {
			f.wantNothing(t)
		}
		if l, err := f.readLabel(plan.Name); !c.gone && (err != nil || l != c.label) {
			t.Errorf("%s: the label became %+v, %v", c.name, l, err)
		}
	}
	if err := newFakes(t).Reap(t.Context(), Prefix+"1.29-on", killed); err != nil {
		t.Errorf("no cluster: %v", err)
	}
}

// TestReapLate deletes a node, too, that a command of the killed process brought up later.
func TestReapLate(t *testing.T) {
	f := newFakes(t)
	f.late = 100 * time.Millisecond
	plan := planFor(t, "1.29", Options{})
	if err := f.claim(Label{Name: plan.Name, Process: killed, Maker: killed}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() {
		if _, err := f.Create(context.Background(), plan, CreateOptions{}); err == nil {
			t.Error("somebody makes the cluster meanwhile")
		}
		f.kind.set(plan.Name, true)
	})
	if err := f.Reap(t.Context(), plan.Name, killed); err != nil {
		t.Error(err)
	}
	f.wantNothing(t)
}

// TestReapFails keeps the label, so that the cluster is listed, and ends with the context.
func TestReapFails(t *testing.T) {
	f := newFakes(t)
	plan := planFor(t, "1.29", Options{})
	if err := f.claim(Label{Name: plan.Name, Maker: killed}); err != nil {
		t.Fatal(err)
	}
	f.kind.undeletable = true
	if _, ok := errors.AsType[*LeftoverError](f.Reap(t.Context(), plan.Name, killed)); !ok {
		t.Error("no LeftoverError")
	}
	if list, err := f.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("listed %v, %v", list, err)
	}
	f.kind.undeletable = false
	if err := f.Reap(t.Context(), plan.Name, killed); err != nil {
		t.Error(err)
	}
	f.wantNothing(t)
}

// TestReapNamespace deletes a namespace of ours, nothing where there is none, and no namespace of others.
func TestReapNamespace(t *testing.T) {
	e, client := fakeCluster()
	n, err := e.NewNamespace(t.Context(), Privileged, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Prefix + "of-somebody-else"}}
	if err := client.Tracker().Add(other); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{n.Name, n.Name} {
		if err := e.ReapNamespace(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if err := e.ReapNamespace(t.Context(), other.Name); err == nil || !strings.Contains(err.Error(), "it stays") {
		t.Errorf("a namespace of others: %v", err)
	}
	if list, _ := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); len(list.Items) != 1 {
		t.Errorf("there are %v", list.Items)
	}
}
