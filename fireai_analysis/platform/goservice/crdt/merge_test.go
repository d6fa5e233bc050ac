package crdt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

func set(node string, count int64, key, value string) Write {
	text, _ := json.Marshal(value)
	return Write{
		Clock:          Clock{node: count},
		Changes:        []Change{{"set", "/hot/" + key, text}},
		IdempotencyKey: node + value,
	}
}

func add(node, key, value string) Write {
	return Write{
		Clock:          Clock{node: 1},
		Changes:        []Change{{"add", "/elements/" + key, json.RawMessage(value)}},
		IdempotencyKey: node + key,
	}
}

func merged(t *testing.T, state State, writes ...Write) *Patch {
	t.Helper()
	patch := NewPatch()
	for _, write := range writes {
		if err := write.Check(); err != nil {
			t.Fatal(err)
		}
		if err := patch.Merge(state, write); err != nil {
			t.Fatal(err)
		}
	}
	return patch
}

func TestADominatingWriteWinsInAnyOrder(t *testing.T) {
	early, late := set("a", 1, "k", "early"), set("a", 1, "k", "late")
	late.Clock = Clock{"a": 1, "b": 1} // has seen the early one
	for _, order := range [][]Write{{early, late}, {late, early}} {
		if got := merged(t, State{}, order...).Hot["k"]; got != "late" {
			t.Errorf("%q won", got)
		}
	}
}

func TestConcurrentWritesAreOrderedBySumThenNodeThenValue(t *testing.T) {
	for _, pair := range [][2]Write{
		{set("z", 1, "k", "loser"), set("a", 2, "k", "winner")},
		{set("a", 1, "k", "z loser"), set("b", 1, "k", "winner")},
		{set("a", 1, "k", "loser"), set("a", 1, "k", "winner")},
	} {
		for _, order := range [][]Write{{pair[0], pair[1]}, {pair[1], pair[0]}} {
			if got := merged(t, State{}, order...).Hot["k"]; got != "winner" {
				t.Errorf("%q won", got)
			}
		}
	}
}

func TestAStoredWinnerStays(t *testing.T) {
	state := State{Clock: Clock{"a": 9}, Stamps: map[string]Stamp{"k": {9, "a", "stored"}}}
	patch := merged(t, state, set("b", 1, "k", "older"))
	if len(patch.Hot) != 0 || len(patch.Stamps) != 0 || !reflect.DeepEqual(patch.Clock, Clock{"b": 1}) {
		t.Errorf("%+v", patch)
	}
}

func TestAClockNeverFalls(t *testing.T) {
	patch := merged(t, State{Clock: Clock{"a": 5}}, set("a", 3, "k", "v"))
	if len(patch.Clock) != 0 {
		t.Errorf("%v", patch.Clock)
	}
}

func TestAnElementIsAddedOnceAndAnotherValueConflicts(t *testing.T) {
	state := State{Elements: map[string]json.RawMessage{"old": json.RawMessage(`{"b":2,"a":1}`)}}
	patch := merged(t, state, add("a", "old", `{"a": 1, "b": 2}`), add("a", "new", `{"a":1}`), add("b", "new", `{ "a":1 }`))
	if len(patch.Elements) != 1 {
		t.Errorf("%v", patch.Elements)
	}
	before := fmt.Sprint(*patch)
	both := add("c", "fresh", `{"x":1}`)
	both.Changes = append(both.Changes, Change{"add", "/elements/old", json.RawMessage(`{"a":2}`)})
	if err := patch.Merge(state, both); !errors.Is(err, ErrConflict) {
		t.Errorf("no conflict: %v", err)
	}
	if after := fmt.Sprint(*patch); after != before {
		t.Errorf("a refused write left a trace: %s", after)
	}
}

// Any order of the same writes, each given any number of times, gives the same document.
func TestMergeIsCommutativeAssociativeAndIdempotent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var writes []Write
		for i := range 12 {
			node := string(rune('a' + random.IntN(4)))
			write := set(node, random.Int64N(4), fmt.Sprint(random.IntN(3)), fmt.Sprint("v", random.IntN(6)))
			if i%3 == 0 {
				write.Clock[string(rune('a'+random.IntN(4)))] = random.Int64N(4)
			}
			writes = append(writes, write, add(node, fmt.Sprint("e", i), `{"n":1}`))
		}
		want := merged(t, State{}, writes...)
		again := append(append([]Write{}, writes...), writes[:7]...)
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		cut := random.IntN(len(again))
		first := merged(t, State{}, again[:cut]...)
		state := State{Clock: first.Clock, Elements: first.Elements, Stamps: first.Stamps}
		second := merged(t, state, again[cut:]...)
		for key, stamp := range want.Stamps {
			got, changed := second.Stamps[key]
			if !changed {
				got = first.Stamps[key]
			}
			if got != stamp {
				t.Fatalf("register %s: %v, not %v", key, got, stamp)
			}
		}
		for node, count := range want.Clock {
			if got := max(first.Clock[node], second.Clock[node]); got != count {
				t.Fatalf("clock %s: %d, not %d", node, got, count)
			}
		}
		if len(first.Elements)+len(second.Elements) != len(want.Elements) {
			t.Fatal("elements were lost or doubled")
		}
	}
}

func TestWhatIsNoWriteIsRefused(t *testing.T) {
	good := add("a", "k", `{"x":1}`)
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]Change{
		"operation":     {"delete", "/elements/k", json.RawMessage(`{}`)},
		"path":          {"add", "/hot/k", json.RawMessage(`{}`)},
		"nested path":   {"add", "/elements/a/b", json.RawMessage(`{}`)},
		"no key":        {"set", "/hot/", json.RawMessage(`"v"`)},
		"element value": {"add", "/elements/k", json.RawMessage(`"text"`)},
		"hot value":     {"set", "/hot/k", json.RawMessage(`1`)},
		"null":          {"set", "/hot/k", json.RawMessage(`"\u0000"`)},
		"increment":     {"increment", "/elements/k", json.RawMessage(`1`)},
		"fraction":      {"increment", "/counters/k", json.RawMessage(`1.5`)},
		"text":          {"increment", "/counters/k", json.RawMessage(`"1"`)},
		"too much":      {"increment", "/counters/k", json.RawMessage(`1000001`)},
		"too little":    {"increment", "/counters/k", json.RawMessage(`-1000001`)},
	} {
		bad := good
		bad.Changes = []Change{change}
		if bad.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for name, spoil := range map[string]func(*Write){
		"no clock":      func(w *Write) { w.Clock = Clock{} },
		"negative":      func(w *Write) { w.Clock = Clock{"a": -1} },
		"no node name":  func(w *Write) { w.Clock = Clock{"": 1} },
		"no key":        func(w *Write) { w.IdempotencyKey = "" },
		"no change":     func(w *Write) { w.Changes = nil },
		"the same path": func(w *Write) { w.Changes = append(w.Changes, w.Changes[0]) },
	} {
		bad := good
		spoil(&bad)
		if bad.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func increment(node, key string, by int64) Write {
	return Write{
		Clock:          Clock{node: 1},
		Changes:        []Change{{"increment", "/counters/" + key, json.RawMessage(fmt.Sprint(by))}},
		IdempotencyKey: node + key,
	}
}

func TestIncrementsAddUpOverTheStoredCounter(t *testing.T) {
	state := State{Counters: map[string]int64{"old": 40}}
	patch := merged(t, state, increment("a", "old", 3), increment("b", "new", 5), increment("c", "old", -1))
	if want := map[string]int64{"old": 42, "new": 5}; !reflect.DeepEqual(patch.Counters, want) {
		t.Errorf("%v", patch.Counters)
	}
	if !patch.ChangesDocument() || NewPatch().ChangesDocument() {
		t.Error("a patch with a counter changes the document, an empty one does not")
	}
}

// Any order of the same increments, cut anywhere into two transactions, gives the same counters.
func TestIncrementsCommute(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var writes []Write
		want := map[string]int64{}
		for i := range 20 {
			key, by := fmt.Sprint(random.IntN(3)), random.Int64N(11)-5
			want[key] += by
			writes = append(writes, increment(fmt.Sprint("n", i), key, by))
		}
		random.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
		cut := random.IntN(len(writes))
		first := merged(t, State{}, writes[:cut]...)
		second := merged(t, State{Counters: first.Counters}, writes[cut:]...)
		for key, total := range want {
			got, changed := second.Counters[key]
			if !changed {
				got = first.Counters[key]
			}
			if got != total {
				t.Fatalf("counter %s: %d, not %d", key, got, total)
			}
		}
	}
}

func TestARefusedWriteIncrementsNothing(t *testing.T) {
	state := State{Elements: map[string]json.RawMessage{"old": json.RawMessage(`{"a":1}`)}}
	both := increment("a", "k", 1)
	both.Changes = append(both.Changes, Change{"add", "/elements/old", json.RawMessage(`{"a":2}`)})
	patch := NewPatch()
	if err := patch.Merge(state, both); !errors.Is(err, ErrConflict) || patch.ChangesDocument() {
		t.Errorf("%v %+v", err, patch)
	}
}

func TestAKeyIsAskedForByItsKindOfChange(t *testing.T) {
	write := increment("a", "c", 1)
	write.Changes = append(write.Changes, set("a", 1, "r", "v").Changes[0], add("a", "e", `{}`).Changes[0])
	want := Keys{Nodes: []string{"a"}, Elements: []string{"e"}, Registers: []string{"r"}, Counters: []string{"c"}}
	if got := write.Keys(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
