import { mount } from '../design/mount.tsx'
import { Shell } from '../design/surfaces.tsx'

mount(
  <Shell title="Register">
    <p class="notice">This page is being built.</p>
  </Shell>,
)
