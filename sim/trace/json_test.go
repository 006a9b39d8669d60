package trace

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// golden compares text with a file under testdata, or writes the file with -rewrite.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -rewrite accepts): %s", path, firstDifference(string(got), string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\ngot  %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func TestJSONForm(t *testing.T) {
	text, err := sample().AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.json", append(text, '\n'))
}

func TestJSONRoundTrip(t *testing.T) {
	writers := map[string]func(*Trace) ([]byte, error){
		"lines":   func(t *Trace) ([]byte, error) { return t.AppendJSON(nil) },
		"line":    func(t *Trace) ([]byte, error) { return t.AppendJSONLine(nil) },
		"library": func(t *Trace) ([]byte, error) { return json.Marshal(t) },
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			text, err := write(sample())
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(text) {
				t.Fatalf("not JSON: %s", text)
			}
			back, err := ReadJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if want := sample(); !reflect.DeepEqual(back, want) {
				t.Errorf("got  %+v\nwant %+v", back, want)
			}
		})
	}
}

func TestJSONKeepsCorners(t *testing.T) {
	in := &Trace{
		Target: "1.37.2+A-B", Scenario: "quote \" back \\ line \n bell \a é 漢 \u2028",
		Containers: []Container{{"a", RoleInit}, {"b", RoleMain}},
		Events: []Event{
			{At: 1, Kind: Relist, Container: NoContainer, Pod: PodRef{3, 1}},
			{At: Never, Kind: Exited, Container: 0, Run: 7, Reason: "OOMKilled", Span: -time.Nanosecond,
				Causes: []Cause{{0, "", Window{0, Unbounded}}, {0, "twice", Window{}}}},
		},
		Statuses: []Status{
			{Event: -1},
			{Event: 0, Containers: make([]ContainerStatus, 2)},
			{Event: 1, Containers: []ContainerStatus{{}, {Present: true, Last: ContainerState{Run: -1}, State: ContainerState{Kind: StateTerminated, Run: 4}}}},
		},
		JobStatuses: []JobStatus{
			{Event: -1, Ready: Unset, Terminating: Unset, Started: Unset, Completed: Unset},
			{At: 2, Event: 1, Active: 1, Succeeded: 2, Failed: 3, Ready: 4, Terminating: 0, UncountedSucceeded: 5, UncountedFailed: 6,
				CompletedIndexes: "0-3", FailedIndexes: "5", Started: 0, Completed: 1, Conditions: []JobCondition{
					{Type: JobConditionSuspended, Reason: "JobResumed"}, {Type: JobConditionFailed, True: true, Message: "m"}}},
		},
		EndedAt: Never,
	}
	text, err := in.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadJSON(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if !reflect.DeepEqual(in, back) {
		t.Errorf("got  %+v\nwant %+v\ntext %s", back, in, text)
	}
}

func TestReadJSONErrors(t *testing.T) {
	const head = `"version":"` + Version + `","ending":"steady","endedAt":"1s"`
	const table = head + `,"containers":[{"name":"a","role":"main"}]`
	tests := map[string]struct{ text, want string }{
		"empty":         {``, `unexpected end of JSON input`},
		"syntax":        {"{\n  \"version\": }", `line 2, column 14: invalid character '}'`},
		"version":       {`{"version":"v9","news":1}`, `version "v9" is not known; this program reads ` + Version},
		"unknown field": {`{` + head + `,"event":[]}`, `unknown field "event"`},
		"trailing":      {`{` + head + `} {}`, `after top-level value`},
		"ending":        {`{"version":"` + Version + `","ending":"soon","endedAt":"1s"}`, `ending: "soon" is not a known word`},
		"instant":       {`{` + head + `,"events":[{"at":"1m","kind":"relist"}]}`, `events[0].at: "1m" is not a number of seconds such as 12.02s`},
		"negative":      {`{` + head + `,"events":[{"at":"-1s","kind":"relist"}]}`, `events[0].at: instant "-1s" is negative`},
		"too long":      {`{` + head + `,"events":[{"at":"9999999999s","kind":"relist"}]}`, `at most 292 years`},
		"kind":          {`{` + head + `,"events":[{"at":"1s","kind":"relisted"}]}`, `events[0].kind: "relisted" is not a known word`},
		"container":     {`{` + table + `,"events":[{"at":"1s","kind":"running","container":"b"}]}`, `events[0].container: the trace has no container "b"`},
		"window":        {`{` + table + `,"events":[{"at":"1s","kind":"running","causes":[{"event":0,"window":["1s"]}]}]}`, `events[0].causes[0].window: want two lengths`},
		"cause":         {`{` + table + `,"events":[{"at":"1s","kind":"running","causes":[{"event":0}]}]}`, `event 0 names event 0 as its cause`},
		"message":       {`{` + table + `,"statuses":[{"at":"1s","conditions":[{"type":"Ready","status":"False","message":"a"}]}]}`, `statuses[0].conditions[0].message: "a" is not of the form "containers with unready status: [a b]"`},
		"status twice":  {`{` + table + `,"statuses":[{"at":"1s","containers":[{"name":"a"},{"name":"a"}]}]}`, `statuses[0].containers[1].name: container "a" has two entries`},
		"name":          {`{` + head + `,"containers":[{"name":"a b","role":"main"}]}`, `containers[0].name: "a b" is not a DNS label`},
		"names":         {`{` + head + `,"containers":[{"name":"a","role":"main"},{"name":"a","role":"init"}]}`, `containers[1].name: "a" is used twice`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ReadJSON([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestWritingRefusesWhatCannotBeRead(t *testing.T) {
	tests := map[string]*Trace{
		"no kind":       {Events: []Event{{Container: NoContainer}}},
		"duplicate":     {Containers: []Container{{"a", RoleMain}, {"a", RoleMain}}},
		"no name":       {Containers: []Container{{"", RoleMain}}},
		"outside":       {Statuses: []Status{{Event: -1, Conditions: []Condition{{Containers: 1}}}}},
		"hidden status": {Containers: []Container{{"a", RoleMain}}, Statuses: []Status{{Event: -1, Containers: []ContainerStatus{{Ready: true}}}}},
	}
	for name, broken := range tests {
		t.Run(name, func(t *testing.T) {
			if text, err := broken.AppendJSON(nil); err == nil {
				t.Errorf("written without an error: %s", text)
			}
		})
	}
}

// FuzzTraceJSON: whatever can be read is written in a form that gives the same trace and the same bytes again.
func FuzzTraceJSON(f *testing.F) {
	// Small seeds: the fuzzer spends its time on shortening what it finds.
	const head = `{"version":"` + Version + `","ending":"horizon","endedAt":"9s"`
	const table = head + `,"containers":[{"name":"a","role":"init"},{"name":"b","role":"main"}]`
	for _, seed := range []string{
		`{"version":"` + Version + `","ending":"refused","endedAt":"never"}`,
		table + `,"events":[{"at":"0.5s","kind":"exited","container":"b","run":2,"exitCode":1,"span":"-1s","causes":[]}]}`,
		table + `,"events":[{"at":"1s","kind":"relist"},{"at":"1s","kind":"running","container":"a","causes":[{"event":0,"because":"x","window":["0s","unbounded"]}]}]}`,
		table + `,"statuses":[{"at":"1s","phase":"Running","deleting":true,"conditions":[{"type":"Initialized","status":"False","message":"containers with incomplete status: [a]"}]}]}`,
		table + `,"statuses":[{"at":"1s","containers":[{"name":"b","started":true,"restarts":3,"state":{"kind":"waiting"},"lastState":{"kind":"terminated","exitCode":9,"run":1}}]}]}`,
		head + `,"choices":[{"at":"1s","point":"p","options":2,"taken":1}],"unknown":[{"field":"f","why":"w"}],"assumed":["s"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := ReadJSON(text)
		if err != nil {
			return
		}
		written, err := first.AppendJSON(nil)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		second, err := ReadJSON(written)
		if err != nil {
			t.Fatalf("written but not read: %v\n%s", err, written)
		}
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("first  %+v\nsecond %+v", first, second)
		}
		again, err := second.AppendJSON(nil)
		if err != nil || !bytes.Equal(written, again) {
			t.Fatalf("written %s\nagain   %s (%v)", written, again, err)
		}
		checkText(t, first)
	})
}

// checkText makes every derived view of a trace that was read from anywhere: none may panic.
func checkText(t *testing.T, trace *Trace) {
	t.Helper()
	trace.Text(TextOptions{})
	trace.Text(TextOptions{All: true, Numbers: true, Width: 40})
	trace.Lanes()
	for _, pod := range trace.Pods() {
		for _, s := range trace.Statuses {
			trace.ColumnsAt(pod, s.At, PrintRules{})
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	t := sample()
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer, _ = t.AppendJSONLine(buffer[:0])
	}
	b.SetBytes(int64(len(buffer)))
}

func BenchmarkReadJSON(b *testing.B) {
	text, _ := sample().AppendJSONLine(nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}
