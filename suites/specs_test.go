package suites

import (
	"encoding/json"
	"os"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

var _ = Describe("the simulator", func() {
	items, err := fixtures.Builtin()
	if err != nil {
		Fail(err.Error())
	}
	for _, source := range sources() {
		if source == report.Kind || source == report.Kubeconfig {
			liveSpecs(source, items)
			continue
		}
		o, err := open(source)
		if err != nil {
			Fail(err.Error())
		}
		if len(o.targets) == 0 {
			It("has no "+string(source)+" to be held against", Label("source:"+string(source)), func() { Skip("there are none") })
		}
		for _, target := range runner.Expand(o.targets) {
			Describe("against "+string(source)+" on "+target.String(), func() {
				for i := range items {
					It(items[i].FullName()+": "+items[i].Title, labels(source, &items[i], target), func(ctx SpecContext) {
						r, err := o.judge(ctx, &items[i], target)
						Expect(err).NotTo(HaveOccurred())
						conclude(r, &items[i], target)
					})
				}
			})
		}
	}
})

// labels are what a spec can be chosen by.
func labels(source report.Source, item *fixtures.Item, target gates.Target) Labels {
	return Label(labelsOf(source, item, target)...)
}

func labelsOf(source report.Source, item *fixtures.Item, target gates.Target) []string {
	on := "gates:off"
	if target.Nodes[0].On(gates.SidecarContainers) {
		on = "gates:on"
	}
	return []string{"family:" + item.Family, "profile:" + string(item.Profile), "release:" + target.Nodes[0].Release.Line(), on, "source:" + string(source)}
}

// entry is what a spec leaves for the report: its outcome, and what was measured of its target.
type entry struct {
	Outcome report.Outcome
	Target  report.Target
}

const entryName = "outcome"

// conclude takes the outcome of a spec out of a report, and passes, fails or skips by it.
func conclude(r *report.Report, item *fixtures.Item, target gates.Target) {
	o := r.Outcome(item.FullName(), target.String())
	Expect(o).NotTo(BeNil(), "the case has no outcome")
	e := entry{Outcome: *o, Target: report.Target{Name: o.Target}}
	for _, t := range r.Targets {
		if t.Name == o.Target {
			e.Target = t
		}
	}
	text, err := json.Marshal(e)
	Expect(err).NotTo(HaveOccurred())
	AddReportEntry(entryName, string(text), ReportEntryVisibilityNever)
	why := o.Result().String() + ": " + o.Why()
	switch o.Result() {
	case report.Conforms:
	case report.Diverges, report.Stale:
		Fail(strings.TrimSpace(why + "\n" + o.Explanation + "\nagain: " + o.Reproduce))
	case report.Inconclusive, report.Unknown:
		AddReportEntry(o.Result().String(), o.Why(), ReportEntryVisibilityAlways)
		if r.Source == report.Recordings && settings.recordings == "" {
			Skip(why) // docs/verdicts.md lists those that are built in; a new one is a change of that page
		}
		if !settings.allowInconclusive {
			Fail(strings.TrimSpace(why + "\n" + o.Explanation))
		}
	default:
		Skip(why)
	}
}

var _ = ReportAfterSuite("conformance report", func(all Report) {
	if len(settings.reports) == 0 {
		return
	}
	r := &report.Report{Source: sources()[0], Tool: "sidecar-conformance suites"}
	if r.Source == report.Kind || r.Source == report.Kubeconfig {
		r.Date = all.StartTime.UTC().Format(time.RFC3339)
	}
	for _, spec := range all.SpecReports {
		for _, found := range spec.ReportEntries {
			text, ok := found.GetRawValue().(string)
			if found.Name != entryName || !ok {
				continue
			}
			var e entry
			Expect(json.Unmarshal([]byte(text), &e)).To(Succeed())
			r.Outcomes, r.Targets = append(r.Outcomes, e.Outcome), append(r.Targets, e.Target)
		}
	}
	r.Sort()
	for _, text := range settings.reports {
		format, name, _ := strings.Cut(text, "=")
		file, err := os.Create(name)
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Write(file, report.Format(format))).To(Succeed())
		Expect(file.Close()).To(Succeed())
	}
})
