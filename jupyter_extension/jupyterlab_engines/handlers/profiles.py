"""Profiles over REST: one in full, its settings, its scripts, and copies of the site's."""

from __future__ import annotations

from ..api.models import AdoptProfile, PreviewProfile, SaveProfile
from ..profiles.service import ProfileService
from .base import EnginesHandler, allowed

PREVIEW = "preview"


class _Profiles(EnginesHandler):
    async def service(self) -> ProfileService:
        """Return the service, when it is known which batch system there is."""
        await self.manager.jobs.ready()
        return self.manager.profile_service


class ProfileHandler(_Profiles):
    """``profiles/{name}``."""

    @allowed("read")
    async def get(self, name: str = PREVIEW) -> None:
        """Return a profile with its settings and scripts."""
        service = await self.service()
        self.reply(await service.detail(name))

    @allowed("write")
    async def put(self, name: str = PREVIEW) -> None:
        """Make a profile, or replace its settings."""
        body = self.decode_body(SaveProfile)
        service = await self.service()
        detail = await service.save(name, body)
        await self.manager.profiles()  # other tabs see it on the stream
        self.reply(detail, 201 if body.create else 200)

    @allowed("write")
    async def delete(self, name: str = PREVIEW) -> None:
        """Remove a profile that was made here."""
        self.refuse_body()
        service = await self.service()
        clusters = (await self.manager.clusters()).clusters
        for key in await service.to_forget(name, clusters):
            await self.manager.forget(key)
        await service.delete(name)
        await self.manager.profiles()
        self.reply(None, 204)


class PreviewHandler(ProfileHandler):
    """``profiles/preview``: answers POST; to the other methods, it is a profile of that name."""

    @allowed("write")
    async def post(self) -> None:
        """Return the scripts of settings or of a start, and what is wrong with them."""
        self._track_activity = False  # comes with every letter that is typed
        body = self.decode_body(PreviewProfile)
        service = await self.service()
        self.reply(await service.preview(body))


class AdoptHandler(_Profiles):
    """``profiles/{name}/adopt``."""

    @allowed("write")
    async def post(self, name: str) -> None:
        """Make a site's profile the user's own."""
        body = self.decode_body(AdoptProfile)
        service = await self.service()
        detail = await service.adopt(name, body)
        await self.manager.profiles()
        self.reply(detail, 201)
