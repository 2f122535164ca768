package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPasswordRoundTrip(t *testing.T) {
	p := NewPasswords(2, 8<<30)
	for _, pw := range []string{"a lamp for the herring fleet", "密码密码密码密码", strings.Repeat("x", 256)} {
		phc, err := p.Hash(t.Context(), Account, pw)
		if err != nil {
			t.Fatal(err)
		}
		ok, stale, err := p.Verify(t.Context(), phc, pw)
		if err != nil || !ok || stale {
			t.Errorf("Verify = %v, %v, %v", ok, stale, err)
		}
		if ok, _, _ := p.Verify(t.Context(), phc, pw+"x"); ok {
			t.Error("a longer password passed")
		}
	}
}

func TestDoorPasswordsAreStaleForAccounts(t *testing.T) {
	p := NewPasswords(2, 8<<30)
	phc, err := p.Hash(t.Context(), RoomDoor, "open sesame")
	if err != nil {
		t.Fatal(err)
	}
	if ok, stale, err := p.Verify(t.Context(), phc, "open sesame"); !ok || !stale || err != nil {
		t.Errorf("Verify = %v, %v, %v, want true, true", ok, stale, err)
	}
}

func TestDamagedHashesAreRefusedBeforeAnyWork(t *testing.T) {
	p := NewPasswords(2, 8<<30)
	for _, phc := range []string{
		"", "$argon2id$", "plain", "$2a$10$abcdefghijklmnopqrstuv",
		"$argon2id$v=19$m=99999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
	} {
		if ok, _, err := p.Verify(t.Context(), phc, "x"); ok || !errors.Is(err, ErrBadHash) {
			t.Errorf("Verify(%q) = %v, %v", phc, ok, err)
		}
	}
}

func TestSlotsFollowCoresAndMemory(t *testing.T) {
	for _, c := range []struct {
		cores  int
		memory uint64
		want   int
	}{{2, 8 << 30, 4}, {4, 1 << 30, 3}, {4, 256 << 20, 1}, {64, 1 << 30, 3}} {
		if got := NewPasswords(c.cores, c.memory).Slots(); got != c.want {
			t.Errorf("%d cores, %d MiB: %d slots, want %d", c.cores, c.memory>>20, got, c.want)
		}
	}
}

func TestA17_FullQueueIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasswords(1, 1<<30)
		var releases []func()
		for range p.Slots() { // every slot is taken by a hash that does not end
			release, err := p.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range HashQueue {
			go func() {
				if release, err := p.enter(ctx); err == nil {
					release()
				}
			}()
		}
		synctest.Wait()
		if _, err := p.Hash(t.Context(), Account, "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash with a full queue = %v, want ErrBusy", err)
		}
		cancel()
		synctest.Wait()
		for _, release := range releases {
			release()
		}
		if release, err := p.enter(t.Context()); err != nil {
			t.Errorf("enter after the rush = %v", err)
		} else {
			release()
		}
	})
}

func BenchmarkHash(b *testing.B) {
	p := NewPasswords(2, 8<<30)
	for b.Loop() {
		if _, err := p.Hash(b.Context(), Account, "a lamp for the herring fleet"); err != nil {
			b.Fatal(err)
		}
	}
}
