package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// fakeProvider makes clusters in memory, and writes down what it was asked for.
type fakeProvider struct {
	there  []string
	broken string // cluster that cannot be made
	asked  []string
}

func (p *fakeProvider) Get(_ context.Context, name string) (*clusters.Cluster, error) {
	if !slices.Contains(p.there, name) {
		return nil, fs.ErrNotExist
	}
	return &clusters.Cluster{Name: name, State: clusters.Ready}, nil
}

func (p *fakeProvider) Create(_ context.Context, plan *clusters.Plan, _ clusters.CreateOptions) (*clusters.Cluster, error) {
	p.asked = append(p.asked, "create "+strings.TrimPrefix(plan.Name, clusters.Prefix))
	if plan.Name == clusters.Prefix+p.broken {
		return nil, errors.New("no memory")
	}
	return &clusters.Cluster{Name: plan.Name, State: clusters.Ready}, nil
}

func (p *fakeProvider) Delete(ctx context.Context, name string, _ clusters.DeleteOptions) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.asked = append(p.asked, "delete "+strings.TrimPrefix(name, clusters.Prefix))
	return nil
}

// on is a place of the provider whose cluster is not looked at.
func (p *fakeProvider) on(t *testing.T, target string, o KindOptions, refuse error) Place {
	t.Helper()
	plan, err := clusters.NewPlan(targets(t, target)[0], clusters.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k := &kindPlace{p, plan, o, func(_ context.Context, _ *clusters.Cluster, target gates.Target) (observe.Cluster, error) {
		return observe.Cluster{Target: target}, refuse
	}}
	return Place{plan.Target, k.open}
}

// plays is a play that gives back the recording of the examples for the scenario that has one, fails another, and says nothing of the rest.
func plays(t *testing.T, before func()) func(context.Context, observe.Cluster, []fixtures.Item, observe.Options, func(observe.Progress)) (*observe.Session, error) {
	return func(ctx context.Context, c observe.Cluster, items []fixtures.Item, o observe.Options, progress func(observe.Progress)) (*observe.Session, error) {
		if before != nil {
			before()
		}
		session := &observe.Session{}
		for i, item := range items {
			p := observe.Progress{Scenario: item.FullName(), State: observe.Playing, Done: i, All: len(items)}
			progress(p)
			p.State = observe.Played
			switch item.Name {
			case "deleted-app-that-exits-zero":
				for r := range example(t).Of("1.29.15") {
					r.Observation.Target = c.Target.Expand()[o.Kind].String()
					session.Recordings = append(session.Recordings, r)
				}
			case "slow-probe-grid":
				p.State, p.Reasons = observe.Failed, []string{"the API server has gone"}
			}
			progress(p)
		}
		return session, ctx.Err()
	}
}

var liveNames = []string{"deleted-app-that-exits-zero", "slow-probe-grid", "readiness-is-no-gate", "start-error-is-retried", "locked-gates"}

// TestLive plays on two clusters: one that is made and taken away, and one that was there and stays.
func TestLive(t *testing.T) {
	p := &fakeProvider{there: []string{clusters.Prefix + "1.30"}}
	var states []string
	c := DefaultConfig(builtin(t, liveNames...), nil)
	c.Progress = func(e Progress) {
		if e.State == Played && e.Target == "1.29.15" {
			states = append(states, fmt.Sprintf("%s %d/%d", e.Scenario, e.Done, e.All))
		}
	}
	var kept []*recorded.Recording
	r, err := Live(t.Context(), c, Clusters{
		Source: report.Kind, Places: []Place{p.on(t, "1.29", KindOptions{}, nil), p.on(t, "1.30", KindOptions{}, nil)}, play: plays(t, nil),
		Keep: func(list []*recorded.Recording) error { kept = append(kept, list...); return nil }, Compare: doctored(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"create 1.29-on", "delete 1.29-on", "create 1.30"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked for %q, want %q", p.asked, want)
	}
	if want := []string{"gating/readiness-is-no-gate 1/3", "gating/slow-probe-grid 2/3", "status/deleted-app-that-exits-zero 3/3"}; !slices.Equal(states, want) {
		t.Errorf("told of %q, want %q", states, want)
	}
	for name, want := range map[string]string{
		"status/deleted-app-that-exits-zero": "conforms", "gating/slow-probe-grid": "inconclusive: not played: the API server has gone",
		"gating/readiness-is-no-gate": "inconclusive: not played", "start/start-error-is-retried": "skipped: a cluster cannot play it: the scenario says live: none",
		"skew/locked-gates": "not applicable: the scenario does not speak of the target",
	} {
		if o := r.Outcome(name, "1.29.15"); !strings.HasPrefix(o.Result().String()+": "+o.Why(), want) {
			t.Errorf("%s: %v: %s, want %s", name, o.Result(), o.Why(), want)
		}
	}
	if len(kept) != 2 || kept[1].Observation.Target != "1.30.14" {
		t.Errorf("%d recordings were kept", len(kept))
	}
	if o := r.Outcome("status/deleted-app-that-exits-zero", "1.29.15"); o.Differs != "the recording that is built in diverges" {
		t.Errorf("differs: %q", o.Differs)
	}
}

// TestLiveWithoutCluster goes on with the next target, and says why the first was not played. A cluster that is refused is taken away.
func TestLiveWithoutCluster(t *testing.T) {
	p := &fakeProvider{broken: "1.29-on"}
	refusal := clusters.Refusal(targets(t, "1.31")[0], []clusters.Violation{{Component: "API server", What: "it is another one"}})
	unseen := clusters.Refusal(targets(t, "1.32")[0], []clusters.Violation{{Component: "nodes", What: "not seen", Unverified: true}})
	r, err := Live(t.Context(), DefaultConfig(builtin(t, "slow-probe-grid"), nil), Clusters{Source: report.Kind, play: plays(t, nil), Places: []Place{
		p.on(t, "1.29", KindOptions{}, nil), p.on(t, "1.31", KindOptions{}, refusal), p.on(t, "1.32", KindOptions{}, unseen), p.on(t, "1.33", KindOptions{Keep: true}, nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"1.29.15": "inconclusive: not played: no memory", "1.31.14": "inconclusive: not played: the cluster is not 1.31.14", "1.32.13": "unknown: not played: the cluster may be",
		"1.33.13": "inconclusive: not played: the API server has gone",
	} {
		if o := r.Outcome("gating/slow-probe-grid", target); o == nil || !strings.HasPrefix(o.Result().String()+": "+o.Why(), want) {
			t.Errorf("on %s: %+v, want %s", target, o, want)
		}
	}
	if want := []string{"create 1.29-on", "create 1.31", "delete 1.31", "create 1.32", "delete 1.32", "create 1.33"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked for %q, want %q", p.asked, want)
	}
}

// TestLiveGuard tells of the clusters that are made to be taken away again, before they are made and after they have gone.
func TestLiveGuard(t *testing.T) {
	p := &fakeProvider{there: []string{clusters.Prefix + "1.30"}, broken: "1.31"}
	o := KindOptions{Guard: func(cluster string) func() {
		name := strings.TrimPrefix(cluster, clusters.Prefix)
		p.asked = append(p.asked, "guard "+name)
		return func() { p.asked = append(p.asked, "done "+name) }
	}}
	kept := o
	kept.Keep = true
	_, err := Live(t.Context(), DefaultConfig(builtin(t, "slow-probe-grid"), nil), Clusters{Source: report.Kind, play: plays(t, nil), Places: []Place{
		p.on(t, "1.29", o, nil), p.on(t, "1.30", o, nil), p.on(t, "1.31", o, nil), p.on(t, "1.32", kept, nil), p.on(t, "1.33", o, errors.New("refused")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"guard 1.29-on", "create 1.29-on", "delete 1.29-on", "done 1.29-on", "create 1.30", "guard 1.31", "create 1.31", "done 1.31",
		"create 1.32", "guard 1.33", "create 1.33", "delete 1.33", "done 1.33"}
	if !slices.Equal(p.asked, want) {
		t.Errorf("asked for %q, want %q", p.asked, want)
	}
}

// TestLiveInterrupted takes the cluster away, and lets nothing conform.
func TestLiveInterrupted(t *testing.T) {
	p := &fakeProvider{}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Live(ctx, DefaultConfig(builtin(t, liveNames...), nil), Clusters{Source: report.Kind, play: plays(t, cancel), Places: []Place{
		p.on(t, "1.29", KindOptions{}, nil), p.on(t, "1.30", KindOptions{}, nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"create 1.29-on", "delete 1.29-on"}; !slices.Equal(p.asked, want) {
		t.Errorf("asked for %q, want %q", p.asked, want)
	}
	if counts := r.Count("", ""); counts[report.Conforms] > 0 || counts.All() != 2*len(liveNames) {
		t.Errorf("%v", counts)
	}
	if o := r.Outcome("status/deleted-app-that-exits-zero", "1.29.15"); o.Result() != report.Inconclusive || o.Reason != interrupted {
		t.Errorf("%+v", o)
	}
}

// TestLiveOfSeveralKinds plays on each kind of node of one cluster.
func TestLiveOfSeveralKinds(t *testing.T) {
	p := &fakeProvider{}
	r, err := Live(t.Context(), DefaultConfig(builtin(t, "mixed-nodes", "plain-init-chain"), nil), Clusters{Source: report.Kind, play: plays(t, nil), Places: []Place{
		p.on(t, "1.29/{1.29,1.28}", KindOptions{}, nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, target := range r.Targets {
		names = append(names, target.Name)
	}
	if !slices.Contains(names, "1.29.15/1.28.15") || !slices.Contains(names, "1.29.15/1.29.15") || len(r.Outcomes) != 4 || len(p.asked) != 2 {
		t.Errorf("targets %q, %d outcomes, asked for %q", names, len(r.Outcomes), p.asked)
	}
}
