// Package cli is the command line: one file for each verb, flags and arguments in, text out.
//
// A verb reads its input through package fixtures, runs package sim, and shows the result through package show. The
// streams, the environment and the terminal come in as Streams, and Run returns the exit status, so that every verb can
// be tested without a process.
//
// The package refuses to know Kubernetes: what a manifest means, what a release does and what a trace looks like is
// said elsewhere.
//
// Read cli.go first, then simulate.go.
package cli
