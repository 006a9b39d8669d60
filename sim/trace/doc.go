// Package trace holds what one run of a Pod showed: events with their causes, versions of the status, and the choices
// that were taken. The simulator writes traces, recorders write traces, and judges compare them.
//
// A trace has two forms. The JSON form (json.go, read.go) is complete and versioned, and reading it back gives the same
// trace to the nanosecond. The text form (text.go) is for people and golden files: one line for each event, with the
// cause that triggered it; the kubelet's inner steps are left out unless they are asked for.
//
// Some views are derived from a trace and stored nowhere: the lanes of the containers (lane.go), the status at an
// instant and the columns that kubectl would have printed then (status.go, print.go), and the causes of an event
// (because.go).
//
// The package refuses to simulate, to judge, to know releases, and to do I/O: it imports the standard library's pure
// parts only and compiles to WebAssembly.
//
// Read trace.go for the types, kind.go for the words, json.go for the form that other programs read.
package trace
