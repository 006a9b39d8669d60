// Package mutants changes one rule of the simulator at a time, for tests that want recordings to notice each change.
//
// It refuses to say what must be noticed: the tests that use it do.
package mutants
