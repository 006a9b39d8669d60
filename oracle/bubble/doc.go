// Package bubble runs a function in virtual time and makes the run repeatable.
//
// It is a thin layer over the bubble of testing/synctest, without the testing
// package around it: the oracle is a tool, not a test. It reaches into private
// variables of the Go runtime, of math/rand and of client-go by linkname, so a
// program that imports it is linked with -checklinkname=0.
package bubble
